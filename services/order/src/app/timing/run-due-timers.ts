import { isUnavailable } from '@auction/common/http/errors.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import { cancelOrder } from '#src/app/orders/cancel-order.ts'
import { perform } from '#src/app/orders/perform.ts'
import type { Change } from '#src/domain/change-order.ts'
import { judgeReminders, remindersOf } from '#src/domain/due-dates.ts'
import { isFinal } from '#src/domain/order.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import { eraseAddress } from '#src/infra/postgres/delivery/addresses.ts'
import { PLATFORM } from '#src/infra/postgres/orders/changes.ts'
import { readOrderTrace } from '#src/infra/postgres/orders/order-traces.ts'
import { lockOrder, type OrderRecord } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  endTimers,
  isDue,
  lockOrderOf,
  postponeFailed,
  postponeTimer,
  readDueTimers,
  setTimers,
  type Timer,
} from '#src/infra/postgres/timers/timers.ts'

export interface TimingDependencies {
  db: Kysely<Database>
  log: Logger
  settings: OrderSettings
  observe?: { timerRan(kind: string, outcome: string): void }
}

const PAGE = 50

/**
 * Does what is due with orders, the longest overdue first, until nothing is left that another worker does not
 * hold; returns how many timers ran. Each has a transaction of its own, so one that fails holds up no other.
 */
export async function runDueTimers(
  dependencies: TimingDependencies,
  stopping?: AbortSignal,
): Promise<number> {
  const { db, log, observe } = dependencies
  let total = 0
  for (;;) {
    const due = await readDueTimers(db, PAGE)
    let settled = 0
    for (const timer of due) {
      if (stopping?.aborted === true) return total
      try {
        const ran = await outboxTransaction(db, (tx) => runTimer(tx, dependencies, timer))
        if (ran) settled += 1
      } catch (error) {
        if (isUnavailable(error)) throw error
        log.error({ err: error, orderId: timer.orderId, timer: timer.kind }, 'timer failed')
        observe?.timerRan(timer.kind, 'failed')
        await postponeFailed(db, timer)
      }
    }
    total += settled
    if (settled === 0 || due.length < PAGE) return total
  }
}

/** False when another worker has the order. The order's lock comes first, as everywhere. */
async function runTimer(
  tx: Transaction<Database>,
  { settings, observe }: TimingDependencies,
  timer: Timer,
): Promise<boolean> {
  if (!(await lockOrderOf(tx, timer))) return false
  // It may have run, or been set to another instant, since it was read.
  if (!(await isDue(tx, timer))) return true
  const order = await lockOrder(tx, timer.orderId)
  if (order === undefined) return true
  const change = await RUN[timer.kind](tx, order, settings)
  observe?.timerRan(timer.kind, change.outcome)
  if (change.outcome !== 'refused') return true
  const isLater = change.reason === 'claimed' || change.reason === 'chargeback'
  if (isLater) await postponeTimer(tx, timer)
  else await endTimers(tx, timer.orderId, [timer.kind])
  return true
}

type Run = (
  tx: Transaction<Database>,
  order: OrderRecord,
  settings: OrderSettings,
) => Promise<Change>

/** A timer goes on from what the order went through last. */
const timerTrace = async (tx: Transaction<Database>, { id }: OrderRecord, name: string) =>
  ownTrace(name, await readOrderTrace(tx, id))

const RUN: Readonly<Record<Timer['kind'], Run>> = {
  async reminder(tx, order, settings) {
    const now = await readClock(tx)
    // After an outage the buyer is notified that the order is overdue, and of nothing else.
    if (now >= order.dueAt) return { outcome: 'refused', reason: 'state' }
    const reminders = remindersOf(order, settings.limits)
    const { send, next } = judgeReminders(reminders, order.remindersSent, now)
    const change: Change =
      send === undefined
        ? { outcome: 'unchanged' }
        : await perform(tx, order, settings, {
            act: { kind: 'remind', n: send.n },
            actor: PLATFORM,
            trace: await timerTrace(tx, order, 'order reminder'),
            happened: { kind: 'reminder', n: send.n },
          })
    if (change.outcome === 'refused') return change
    if (next === undefined) await endTimers(tx, order.id, ['reminder'])
    else await setTimers(tx, [{ orderId: order.id, kind: 'reminder', dueAt: next.at }])
    return change
  },
  overdue: async (tx, order, settings) =>
    perform(tx, order, settings, {
      act: { kind: 'fall_due' },
      actor: PLATFORM,
      trace: await timerTrace(tx, order, 'order overdue'),
      happened: { kind: 'overdue' },
    }),
  cancel: async (tx, order, settings) =>
    cancelOrder(tx, order, settings, {
      reason: order.reservedUntil === null ? 'unpaid' : 'buy_now_released',
      actor: PLATFORM,
      trace: await timerTrace(tx, order, 'order cancelled'),
    }),
  deliver: async (tx, order, settings) =>
    perform(tx, order, settings, {
      act: { kind: 'deliver' },
      actor: PLATFORM,
      trace: await timerTrace(tx, order, 'order delivered'),
      happened: { kind: 'delivered', by: 'time' },
    }),
  complete: async (tx, order, settings) =>
    perform(tx, order, settings, {
      act: { kind: 'complete' },
      actor: PLATFORM,
      trace: await timerTrace(tx, order, 'order completed'),
      happened: { kind: 'completed' },
    }),
  async erase_address(tx, order) {
    if (!isFinal(order)) return { outcome: 'refused', reason: 'state' }
    await eraseAddress(tx, order.id)
    await endTimers(tx, order.id, ['erase_address'])
    return { outcome: 'unchanged' }
  },
}
