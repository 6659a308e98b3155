import { readClock } from '@auction/common/postgres/clock.ts'
import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import { linkedTrace, type Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import { type Act, type Change, changeOrder } from '#src/domain/change-order.ts'
import { isUnpaid, type Order } from '#src/domain/order.ts'
import { timersOf } from '#src/domain/order-timers.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import { deleteCancellationRequest } from '#src/infra/postgres/cancellation/requests.ts'
import { closeRefundedDispute } from '#src/infra/postgres/disputes/disputes.ts'
import { type Actor, type NewChange, recordChanges } from '#src/infra/postgres/orders/changes.ts'
import { putOrderTraces, readOrderTrace } from '#src/infra/postgres/orders/order-traces.ts'
import { saveOrder } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { replaceTimers } from '#src/infra/postgres/timers/timers.ts'
import { type Happened, orderEvent } from './order-events.ts'

export interface Performance {
  readonly act: Act
  readonly actor: Actor
  readonly trace: Trace
  readonly causationId?: string
  /** What its event says; absent: the change is published by no event. */
  readonly happened?: Happened
  readonly details?: NonNullable<NewChange['details']>
}

/**
 * Does one act to an order whose lock the caller holds: judged, stored, recorded and published in this
 * transaction, with the timers of its new state.
 */
export async function perform(
  tx: Transaction<Database>,
  order: Order,
  { limits }: OrderSettings,
  { act, actor, happened, details, trace: given, ...context }: Performance,
): Promise<Change> {
  const change = changeOrder(order, act)
  if (change.outcome !== 'changed') return change
  const now = await readClock(tx)
  await saveOrder(tx, change.order, now)
  const { id: orderId, sequence, state } = change.order
  // Requests, payments and timers are traces of their own: each names the one before.
  const trace = linkedTrace(`order ${act.kind}`, given, await readOrderTrace(tx, orderId))
  await putOrderTraces(tx, [{ orderId, traceparent: trace.traceparent }])
  await recordChanges(tx, [
    {
      orderId,
      sequence,
      act: act.kind,
      state,
      actor,
      at: now,
      ...(details === undefined ? {} : { details }),
    },
  ])
  const isRetimed = state !== order.state || act.kind === 'secure'
  if (isRetimed) await replaceTimers(tx, orderId, timersOf(change.order, limits, now))
  if (state !== order.state) {
    // What one side asked of an unpaid order is answered by what became of it.
    if (!isUnpaid(change.order)) await deleteCancellationRequest(tx, orderId)
    if (order.state === 'disputed' && state === 'refunded')
      await closeRefundedDispute(tx, orderId, now)
  }
  if (happened !== undefined)
    await writeOutbox(tx, [orderEvent(change.order, happened, now, { ...context, trace })])
  return change
}
