import { readClock } from '@auction/common/postgres/clock.ts'
import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Transaction } from 'kysely'
import { postRefundFailed, postRefundPaid } from '#src/app/sales/sale-ledger.ts'
import type { ProviderState } from '#src/domain/provider.ts'
import { recordDifference } from '#src/infra/postgres/payments/differences.ts'
import { markOperation } from '#src/infra/postgres/payments/operations.ts'
import {
  type Operation,
  type Payment,
  updatePayment,
} from '#src/infra/postgres/payments/payments.ts'
import {
  addRefunded,
  endRefund,
  type Refund,
  readRefunds,
  refundedSoFar,
} from '#src/infra/postgres/payments/refunds.ts'
import { readWaitingRefunds } from '#src/infra/postgres/payouts/reversals.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { refundEvent } from './payment-events.ts'

type Tx = Transaction<Database>

// A buyer does not wait longer for what a seller has to give back.
const WAIT_MAX_MS = 3_600_000

/**
 * Brings what the provider shows of refunds into ours. `send`: a refund that it does not show; `isPending`: one
 * that it has not finished. The caller has locked the payment.
 */
export async function foldRefunds(
  tx: Tx,
  payment: Payment,
  seen: ProviderState,
): Promise<{ send: Operation | undefined; isPending: boolean }> {
  const refunds = await readRefunds(tx, payment.id)
  const isAnyPending = refunds.some(({ state }) => state === 'pending')
  const waiting = isAnyPending
    ? await readWaitingRefunds(tx, payment.id, WAIT_MAX_MS)
    : new Set<string>()
  let send: Operation | undefined
  let isPending = false
  let { sequence } = payment
  for (const refund of refunds) {
    const operation = payment.operations.find(({ refundId }) => refundId === refund.id)
    const shown = seen.refunds.find(({ refundId }) => refundId === refund.id)
    if (refund.state === 'done' && shown?.state === 'failed') {
      await recordDifference(tx, {
        provider: payment.provider,
        kind: 'refunded_amount',
        reference: shown.reference,
        paymentId: payment.id,
        ours: `refund ${refund.id} done`,
        theirs: 'failed',
      })
    }
    if (refund.state !== 'pending' || operation === undefined) continue
    if (shown === undefined) {
      // First the seller gives back what was paid out; what does not come is a debt.
      if (!waiting.has(refund.id)) send ??= operation
      isPending = true
      continue
    }
    await markOperation(tx, operation.id, 'done')
    switch (shown.state) {
      case 'pending':
        isPending = true
        break
      case 'done':
        sequence += 1
        await finishRefund(tx, payment, refund, shown.reference, sequence)
        break
      case 'failed':
        await failRefund(tx, payment, refund, 'provider.failed')
        break
    }
  }
  if (sequence !== payment.sequence) await updatePayment(tx, payment.id, { sequence })
  await recordForeign(tx, payment, seen)
  return { send, isPending }
}

async function finishRefund(
  tx: Tx,
  payment: Payment,
  refund: Refund,
  reference: string,
  sequence: number,
): Promise<void> {
  if (!(await endRefund(tx, refund.id, { state: 'done', reference }))) return
  await postRefundPaid(tx, { ...saleOf(refund), refundId: refund.id, amount: refund.amount })
  const refundedTotal = await refundedSoFar(tx, refund)
  const at = await readClock(tx)
  await writeOutbox(tx, [refundEvent(payment, refund, { refundedTotal, sequence, at })])
}

/** The provider refused a refund: what it would have given back is the seller's again. */
export async function refuseRefund(
  tx: Tx,
  payment: Payment,
  refundId: string,
  code: string,
): Promise<void> {
  const refund = (await readRefunds(tx, payment.id)).find(({ id }) => id === refundId)
  if (refund !== undefined) await failRefund(tx, payment, refund, `provider.${code}`)
}

async function failRefund(tx: Tx, payment: Payment, refund: Refund, code: string): Promise<void> {
  if (!(await endRefund(tx, refund.id, { state: 'failed', code }))) return
  await addRefunded(tx, refund, -refund.amount)
  await postRefundFailed(tx, { ...saleOf(refund), refundId: refund.id })
  // What the platform owes is tried again.
  if (refund.owedId !== null) return
  await recordDifference(tx, {
    provider: payment.provider,
    kind: 'refunded_amount',
    reference: refund.id,
    paymentId: payment.id,
    ours: `refund of ${refund.amount} was decided`,
    theirs: code,
  })
}

const saleOf = ({ paymentId, orderId }: Refund) => ({ paymentId, orderId })

/** Refunds that were made at the provider by hand are not in our ledger: an operator is asked. */
async function recordForeign(tx: Tx, payment: Payment, seen: ProviderState): Promise<void> {
  for (const { refundId, reference, amount, state } of seen.refunds) {
    if (refundId !== undefined || state === 'failed') continue
    await recordDifference(tx, {
      provider: payment.provider,
      kind: 'foreign_refund',
      reference,
      paymentId: payment.id,
      ours: 'no refund',
      theirs: `${amount} ${payment.currencyCode}`,
    })
  }
}
