import { formatAmount, greater } from '@auction/common/money.ts'
import type { Kysely, Transaction } from 'kysely'
import { ask, findAsked } from '#src/app/approvals/ask.ts'
import { readSale } from '#src/app/sales/sale-ledger.ts'
import { sellerPayable } from '#src/domain/accounts.ts'
import { type ApprovalRules, needsApproval } from '#src/domain/approval.ts'
import type { PaymentProvider } from '#src/domain/provider.ts'
import { leftOf, type SaleState, takenOfPayable, wasPayable } from '#src/domain/sale.ts'
import { paymentErrors } from '#src/errors.ts'
import { type Approval, readGivenAlone } from '#src/infra/postgres/approvals/approvals.ts'
import { readBalances } from '#src/infra/postgres/ledger/balances.ts'
import { readHeldOfPayable } from '#src/infra/postgres/payments/disputes.ts'
import { lockPayment, type Payment, wakePayment } from '#src/infra/postgres/payments/payments.ts'
import { findRefundByKey, type Refund } from '#src/infra/postgres/payments/refunds.ts'
import { putCandidate } from '#src/infra/postgres/payouts/payouts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { PaymentMetrics } from './payment-metrics.ts'
import { writeRefund } from './plan-refund.ts'

export interface RefundDependencies {
  db: Kysely<Database>
  providers: ReadonlyMap<string, PaymentProvider>
  metrics: PaymentMetrics
}

/** A refund as it waits for a second operator; the key is that of the request, the amount in minor units. */
export interface WaitingRefund {
  paymentId: string
  orderId: string
  amount: string
  reason: string
  idempotencyKey: string
}

export interface RefundCommand {
  paymentId: string
  orderId: string
  amount: bigint
  reason: string
  requestedBy: string | null
  idempotencyKey: string
  /** The seller gives it: then no more than the seller has here. */
  isOfSeller: boolean
}

/** Decides a refund, once for each key, never more than is left; the worker sends it. */
export async function refundOrder(
  dependencies: RefundDependencies,
  command: RefundCommand,
): Promise<Refund> {
  const { db, metrics } = dependencies
  const { refund, isNew } = await db
    .transaction()
    .execute((tx) => decideRefund(tx, dependencies, command))
  if (isNew) metrics.refundAsked()
  return refund
}

export type AskedRefund =
  | { approval: Approval; refund?: undefined }
  | { refund: Refund; approval?: undefined }

/** As refundOrder, but what is above the limit of one operator waits for another one. */
export async function askForRefund(
  dependencies: RefundDependencies & { approvals: ApprovalRules },
  command: RefundCommand & { requestedBy: string },
): Promise<AskedRefund> {
  const { db, metrics } = dependencies
  const asked = await db.transaction().execute(async (tx) => {
    const judged = await judgeRefund(tx, dependencies, command)
    if (judged.known !== undefined) return { refund: judged.known, isNew: false }
    const approval = await askWhenNeeded(tx, dependencies.approvals, judged.payment, command)
    return approval === undefined ? decided(tx, command) : { approval }
  })
  if (asked.approval !== undefined) return { approval: asked.approval }
  if (asked.isNew) metrics.refundAsked()
  return { refund: asked.refund }
}

/** Undefined: one operator is enough. What was asked for with this key before is answered as it is now. */
async function askWhenNeeded(
  tx: Transaction<Database>,
  rules: ApprovalRules,
  { sellerId, currencyCode }: Payment,
  command: RefundCommand & { requestedBy: string },
): Promise<Approval | undefined> {
  const { paymentId, orderId, amount, reason, requestedBy: askedBy, idempotencyKey } = command
  if (command.isOfSeller) return undefined
  const waiting: WaitingRefund = {
    paymentId,
    orderId,
    amount: String(amount),
    reason,
    idempotencyKey,
  }
  const about = { subjectId: orderId, command: waiting, askedBy, idempotencyKey }
  const request = { kind: 'refund', ...about } as const
  const known = await findAsked(tx, request)
  if (known !== undefined) return known
  const before = await readGivenAlone(tx, { paymentId, orderId, sellerId })
  if (!needsApproval(rules, { amount, currencyCode, before })) return undefined
  return ask(tx, rules, { ...request, money: { amount, currencyCode } })
}

/** Decides a refund in the transaction of the caller. */
export async function decideRefund(
  tx: Transaction<Database>,
  dependencies: Pick<RefundDependencies, 'providers'>,
  command: RefundCommand,
): Promise<DecidedRefund> {
  const { known } = await judgeRefund(tx, dependencies, command)
  return known === undefined ? decided(tx, command) : { refund: known, isNew: false }
}

interface DecidedRefund {
  refund: Refund
  isNew: boolean
  approval?: undefined
}

async function decided(tx: Transaction<Database>, command: RefundCommand): Promise<DecidedRefund> {
  const { paymentId, idempotencyKey } = command
  const id = await writeRefund(tx, { ...command, owedId: null })
  await wakePayment(tx, paymentId)
  const refund = await findRefundByKey(tx, paymentId, idempotencyKey)
  if (refund === undefined) throw new Error(`there is no refund ${id}`)
  return { refund, isNew: true }
}

/** Whether a refund can be given; `known`: it was decided before. Locks its payment. */
async function judgeRefund(
  tx: Transaction<Database>,
  { providers }: Pick<RefundDependencies, 'providers'>,
  command: RefundCommand,
): Promise<{ payment: Payment; known: Refund | undefined }> {
  const { paymentId, orderId, amount, idempotencyKey } = command
  // All refunds of a payment are decided one after the other.
  const payment = await lockPayment(tx, paymentId)
  const order = payment?.orders.find((one) => one.orderId === orderId)
  if (payment === undefined || order === undefined) throw paymentErrors.orderNotPaid()
  const known = await findRefundByKey(tx, paymentId, idempotencyKey)
  if (known !== undefined) {
    const isSame =
      known.orderId === orderId &&
      known.amount === amount &&
      known.reason === command.reason &&
      known.requestedBy === command.requestedBy
    if (!isSame) throw paymentErrors.idempotencyKeyReused()
    return { payment, known }
  }
  if (payment.state !== 'captured') throw paymentErrors.notCaptured({ state: payment.state })
  const { currencyCode } = payment
  const sale = await readSale(tx, { paymentId, orderId })
  if (sale === undefined) throw new Error(`no sale of order ${orderId} by ${paymentId}`)
  const left = leftOf(sale)
  if (amount > left) throw paymentErrors.refundTooLarge({ left: formatAmount(left, currencyCode) })
  const problem = providers.get(payment.provider)?.problemOf({ amount, currencyCode })
  if (problem !== undefined) {
    throw paymentErrors.notSupported({ problem, provider: payment.provider })
  }
  if (command.isOfSeller) await requireCovered(tx, sale, amount)
  return { payment, known: undefined }
}

/** A seller who was paid out gives back what is there: a refund of one's own choice makes no debt. */
async function requireCovered(
  tx: Transaction<Database>,
  sale: SaleState,
  amount: bigint,
): Promise<void> {
  const { sellerId, currencyCode } = sale
  const taken = takenOfPayable(sale, amount)
  if (taken <= 0n) return
  // A payout, or another refund, of this seller that is decided just now comes first.
  await putCandidate(tx, sellerId, currencyCode)
  const balances = await readBalances(tx, [sellerPayable(sellerId)])
  const payable = -(balances.find((one) => one.currencyCode === currencyCode)?.amount ?? 0n)
  // What a bank holds was paid out, and is a debt until it decides; or it is there.
  const held = wasPayable(sale) ? await readHeldOfPayable(tx, sale) : 0n
  if (taken <= payable + held) return
  const covered = formatAmount(greater(payable + held, 0n), currencyCode)
  throw paymentErrors.refundNotCovered({ covered })
}
