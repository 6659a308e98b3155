import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely, Transaction } from 'kysely'
import { sellerPayable } from '#src/domain/accounts.ts'
import { disabledDelayMs, MANUAL, payoutSent, type TransferProvider } from '#src/domain/payout.ts'
import type { Money } from '#src/domain/provider.ts'
import { readBalances } from '#src/infra/postgres/ledger/balances.ts'
import { post } from '#src/infra/postgres/ledger/post.ts'
import {
  type DueCandidate,
  deleteCandidate,
  insertPayout,
  keepRest,
  lockCandidate,
  postponeCandidate,
  readTarget,
  type WaitReason,
} from '#src/infra/postgres/payouts/payouts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { collectDebt } from './collect-debt.ts'
import { accountNeededEvent } from './payout-events.ts'

export interface PayoutRules {
  /** In minor units; less than this waits. */
  minimumOf(currencyCode: string): bigint
  /** Between two payouts of one seller in one currency. */
  intervalMs: number
  /** The most of it that one payout by this provider can be of; zero: nothing. Absent: all of it. */
  payable?(provider: string, money: Money): bigint
  /** Sellers can open accounts, so one who has none is asked to. */
  opensAccounts?: boolean
}

/** A person pays everything; a provider that is not set up any more pays nothing, and the money stays the seller's. */
export const payableBy =
  (providers: readonly Pick<TransferProvider, 'name' | 'payable'>[]) =>
  (provider: string, money: Money): bigint =>
    provider === MANUAL
      ? money.amount
      : (providers.find(({ name }) => name === provider)?.payable(money) ?? 0n)

const WITHOUT_ACCOUNT_MS = 3_600_000
const WHILE_OPEN_MS = 300_000

/**
 * Plans a payout for every seller who is due: all that is payable, less what the seller owes, if it is enough. The payout and
 * its entry are one transaction, so the same money is never planned twice. Returns how many were planned.
 */
export async function planPayouts(db: Kysely<Database>, rules: PayoutRules): Promise<number> {
  let planned = 0
  for (;;) {
    const outcome = await outboxTransaction(db, async (tx) => {
      const candidate = await lockCandidate(tx)
      return candidate === undefined ? 'none' : planOne(tx, candidate, rules)
    })
    if (outcome === 'none') return planned
    if (outcome === 'planned') planned += 1
  }
}

async function planOne(
  tx: Transaction<Database>,
  candidate: DueCandidate,
  { minimumOf, intervalMs, payable, opensAccounts = false }: PayoutRules,
): Promise<'planned' | 'waits'> {
  const { sellerId, currencyCode } = candidate
  const wait = async (delayMs: number, waitsFor: WaitReason) => {
    await postponeCandidate(tx, candidate, delayMs, waitsFor)
    return 'waits' as const
  }
  const balances = await readBalances(tx, [sellerPayable(sellerId)])
  const owed = -(balances.find((one) => one.currencyCode === currencyCode)?.amount ?? 0n)
  if (owed <= 0n) {
    // What was paid out before it was owed, and no one asked for.
    if (owed < 0n) await collectDebt(tx, candidate, { isRepeated: true })
    // The next thing that becomes payable makes another row.
    await deleteCandidate(tx, candidate)
    return 'waits'
  }
  if (owed < minimumOf(currencyCode)) return wait(intervalMs, 'minimum')
  const target = await readTarget(tx, candidate)
  const isMissing = target === undefined || target.state === 'onboarding'
  // Once for each time that something is payable: after that the reason is known.
  if (isMissing && opensAccounts && candidate.waitsFor !== 'account') {
    await writeOutbox(tx, [accountNeededEvent(candidate, owed, await readClock(tx))])
  }
  if (target === undefined) return wait(WITHOUT_ACCOUNT_MS, 'account')
  if (target.state !== 'enabled') return wait(disabledDelayMs(target.accountAgeMs), 'account')
  if (target.hasOpen) return wait(WHILE_OPEN_MS, 'payout')
  const { provider, reference, lastAgeMs } = target
  if (lastAgeMs !== null && lastAgeMs < intervalMs) {
    return wait(intervalMs - lastAgeMs, 'interval')
  }
  const amount = payable?.(provider, { amount: owed, currencyCode }) ?? owed
  // The provider does not take the currency, or is not set up: a person pays, or it waits.
  if (amount <= 0n) return wait(intervalMs, 'provider')
  const payout = await insertPayout(tx, {
    sellerId,
    currencyCode,
    amount,
    provider,
    accountReference: reference,
    traceparents: candidate.traceparents,
  })
  await post(tx, payoutSent(payout))
  // What one payout could not be of is for the next one.
  if (amount < owed) await keepRest(tx, candidate, intervalMs)
  else await deleteCandidate(tx, candidate)
  return 'planned'
}
