import { lesser } from '@auction/common/money.ts'
import type { Transaction } from 'kysely'
import { readSale } from '#src/app/sales/sale-ledger.ts'
import type { PaymentProvider } from '#src/domain/provider.ts'
import { leftOf, type SaleState } from '#src/domain/sale.ts'
import { recordDifference } from '#src/infra/postgres/payments/differences.ts'
import {
  endOwed,
  insertOwed,
  type OwedRefund,
  readOwed,
} from '#src/infra/postgres/payments/owed-refunds.ts'
import type { Payment } from '#src/infra/postgres/payments/payments.ts'
import { readRefunds } from '#src/infra/postgres/payments/refunds.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { writeRefund } from './plan-refund.ts'

type Tx = Transaction<Database>
type Providers = ReadonlyMap<string, PaymentProvider>

const HOUR_MS = 3_600_000
/** Before a refund that failed is tried again; after the last of them an operator is asked. */
const RETRY_MS = [HOUR_MS, 4 * HOUR_MS, 12 * HOUR_MS, 24 * HOUR_MS] as const

/** A decision owes a buyer money. It is recorded once, and what is left of the order is given at once. */
export async function oweRefund(
  tx: Tx,
  providers: Providers,
  payment: Payment,
  owed: { orderId: string; source: string; amount: bigint },
): Promise<void> {
  if (await insertOwed(tx, { ...owed, paymentId: payment.id })) {
    await giveOwed(tx, providers, payment)
  }
}

/**
 * Gives what is owed as far as it fits: other refunds may be under way, or a bank may hold the money. Called again whenever one of
 * them has ended. Answers in how many milliseconds it is to be called at the latest; null: nothing follows from time alone. The
 * payment is locked.
 */
export async function giveOwed(
  tx: Tx,
  providers: Providers,
  payment: Payment,
): Promise<number | null> {
  const waits: number[] = []
  const all = await readOwed(tx, payment.id)
  // All sales before the row of the seller, as the completion of an order locks them.
  for (const { orderId } of all.slice(1)) await readSale(tx, { paymentId: payment.id, orderId })
  for (const owed of all) {
    const wait = await giveOne(tx, providers, payment, owed)
    if (wait !== null) waits.push(wait)
  }
  return waits.length === 0 ? null : Math.min(...waits)
}

async function giveOne(
  tx: Tx,
  providers: Providers,
  payment: Payment,
  owed: OwedRefund,
): Promise<number | null> {
  const { paymentId, orderId } = owed
  const rest = owed.amount - owed.given
  if (rest === 0n) {
    if (owed.pending === 0) await endOwed(tx, owed.id, 'done')
    return null
  }
  const sale = await readSale(tx, { paymentId, orderId })
  if (sale === undefined) throw new Error(`no sale of order ${orderId} by ${paymentId}`)
  const amount = lesser(rest, leftOf(sale))
  if (amount === 0n) {
    // The buyer has it all, by other refunds or by the bank; or they may still fail.
    if (!(await isUnderWay(tx, owed, sale))) await endOwed(tx, owed.id, 'done')
    return null
  }
  const pauseMs = owed.failures === 0 ? 0 : RETRY_MS[owed.failures - 1]
  const { currencyCode } = payment
  const problem = providers.get(payment.provider)?.problemOf({ amount, currencyCode })
  if (pauseMs === undefined || problem !== undefined) {
    await giveUp(tx, payment, owed, rest, problem ?? owed.lastCode ?? 'failed')
    return null
  }
  const waitMs = pauseMs - (owed.failedAgoMs ?? pauseMs)
  if (waitMs > 0) return waitMs
  await writeRefund(tx, {
    paymentId,
    orderId,
    amount,
    reason: 'a dispute was decided',
    requestedBy: null,
    // No key of a user has a slash.
    idempotencyKey: `owed/${owed.id}/${owed.refunds + 1}`,
    owedId: owed.id,
  })
  return 0
}

async function isUnderWay(tx: Tx, { orderId }: OwedRefund, sale: SaleState): Promise<boolean> {
  if (sale.openDisputes > 0) return true
  const refunds = await readRefunds(tx, sale.paymentId)
  return refunds.some((refund) => refund.orderId === orderId && refund.state === 'pending')
}

async function giveUp(
  tx: Tx,
  { provider, id, currencyCode }: Payment,
  owed: OwedRefund,
  rest: bigint,
  code: string,
): Promise<void> {
  await endOwed(tx, owed.id, 'given_up')
  await recordDifference(tx, {
    provider,
    kind: 'refunded_amount',
    reference: owed.id,
    paymentId: id,
    ours: `${rest} ${currencyCode} are owed to the buyer`,
    theirs: code,
  })
}
