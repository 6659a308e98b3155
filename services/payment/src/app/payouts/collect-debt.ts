import { lesser } from '@auction/common/money.ts'
import type { Transaction } from 'kysely'
import { sellerPayable } from '#src/domain/accounts.ts'
import { shareDebt } from '#src/domain/payout.ts'
import { readBalances } from '#src/infra/postgres/ledger/balances.ts'
import { readHeldOfPayable } from '#src/infra/postgres/payments/disputes.ts'
import { putCandidate } from '#src/infra/postgres/payouts/payouts.ts'
import {
  lockReversible,
  planReversal,
  readOpenReversals,
} from '#src/infra/postgres/payouts/reversals.ts'
import { findOpenPayout, insertWait, readWaits } from '#src/infra/postgres/payouts/waits.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { mostOf } from '#src/infra/stripe/currencies.ts'

// The provider by which money comes back; what a bank sent stays where it is.
const REVERSIBLE = ['stripe']
const PAYOUTS_MAX = 50

export interface DebtOptions {
  /** Refunds that wait each for its part of the debt. */
  refunds?: readonly { id: string; amount: bigint }[]
  /** What a seller refused is not asked for again: the next payouts net it. */
  isRepeated?: boolean
}

/**
 * A seller who was paid out may owe something: it is asked back of the latest payouts first, as far as that is not under way and
 * no bank still decides about it. What a refund finds on its way to the seller waits for the end of that payout. What does
 * not come back is netted by the next payouts. The caller that moved the seller's payable money has locked the row of the
 * seller before it (sale-ledger.ts), so no two of them read the same balance.
 */
export async function collectDebt(
  tx: Transaction<Database>,
  seller: { sellerId: string; currencyCode: string },
  { refunds = [], isRepeated = false }: DebtOptions = {},
): Promise<void> {
  const { sellerId, currencyCode } = seller
  if ((await debtOf(tx, seller)) <= 0n) return
  // A payout, or another debt, of this seller that is decided just now comes first.
  await putCandidate(tx, sellerId, currencyCode)
  let debt = await unaskedDebtOf(tx, seller)
  const takenBack = (amount: bigint) => mostOf({ amount, currencyCode })
  let payouts = await lockReversible(tx, seller, REVERSIBLE, { limit: PAYOUTS_MAX, isRepeated })
  // Apart from older debts, so that a refund waits for nothing else, and none fails with the other.
  for (const { id: refundId, amount } of refunds) {
    const wanted = lesser(amount, debt)
    const shares = shareDebt(wanted, payouts, takenBack)
    for (const { id, amount: part } of shares) {
      await planReversal(tx, { payoutId: id, amount: part, refundId })
    }
    payouts = withoutShares(payouts, shares)
    const found = shares.reduce((sum, one) => sum + one.amount, 0n)
    const isWaiting = wanted > found && (await waitForPayout(tx, seller, refundId, wanted - found))
    debt -= isWaiting ? wanted : found
  }
  for (const { id, amount } of shareDebt(debt, payouts, takenBack)) {
    await planReversal(tx, { payoutId: id, amount, refundId: null })
  }
}

function withoutShares(
  payouts: readonly { id: string; left: bigint }[],
  shares: readonly { id: string; amount: bigint }[],
): { id: string; left: bigint }[] {
  const taken = new Map(shares.map(({ id, amount }) => [id, amount]))
  return payouts.map(({ id, left }) => ({ id, left: left - (taken.get(id) ?? 0n) }))
}

/** What the seller owes and was not asked for yet, in one way or another. */
async function unaskedDebtOf(
  tx: Transaction<Database>,
  seller: { sellerId: string; currencyCode: string },
): Promise<bigint> {
  const asked = await readOpenReversals(tx, seller)
  const waiting = await readWaits(tx, seller)
  const held = await readHeldOfPayable(tx, seller)
  return (await debtOf(tx, seller)) - asked - waiting - held
}

/** False: no payout is on its way that could be asked back. */
async function waitForPayout(
  tx: Transaction<Database>,
  seller: { sellerId: string; currencyCode: string },
  refundId: string,
  amount: bigint,
): Promise<boolean> {
  const payoutId = await findOpenPayout(tx, seller, REVERSIBLE)
  if (payoutId === undefined) return false
  await insertWait(tx, { refundId, payoutId, amount })
  return true
}

async function debtOf(
  tx: Transaction<Database>,
  { sellerId, currencyCode }: { sellerId: string; currencyCode: string },
): Promise<bigint> {
  const balances = await readBalances(tx, [sellerPayable(sellerId)])
  return balances.find((one) => one.currencyCode === currencyCode)?.amount ?? 0n
}
