import { hoursAfter, judgeReminders, remindersOf, type TimeLimits } from './due-dates.ts'
import type { Order } from './order.ts'

export const TIMER_KINDS = [
  'reminder',
  'overdue',
  'cancel',
  'deliver',
  'complete',
  'erase_address',
] as const
export type TimerKind = (typeof TIMER_KINDS)[number]

export interface PlannedTimer {
  readonly kind: TimerKind
  readonly dueAt: Date
}

const DAY_HOURS = 24
const HOUR_SECONDS = 3_600

/** What time will do with an order that has just come into its state (R-ORDER-2, R-ORDER-7). */
export function timersOf(order: Order, limits: TimeLimits, now: Date): PlannedTimer[] {
  // What a dispute has stopped goes on, and does not begin again.
  const daysFrom = (days: number) =>
    hoursAfter(
      now,
      order.timeLeftSeconds === null ? days * DAY_HOURS : order.timeLeftSeconds / HOUR_SECONDS,
    )
  switch (order.state) {
    case 'pending_payment': {
      // Minutes: there is no time for reminders, and nothing is overdue afterwards.
      if (order.reservedUntil !== null) return [{ kind: 'cancel', dueAt: order.reservedUntil }]
      const { send, next } = judgeReminders(remindersOf(order, limits), order.remindersSent, now)
      const reminder = send ?? next
      return [
        { kind: 'overdue', dueAt: order.dueAt },
        ...(reminder === undefined ? [] : [{ kind: 'reminder' as const, dueAt: reminder.at }]),
      ]
    }
    case 'overdue':
      return [{ kind: 'cancel', dueAt: order.cancelAt }]
    case 'shipped':
      return [{ kind: 'deliver', dueAt: daysFrom(limits.deliveredDays) }]
    case 'delivered':
      return [{ kind: 'complete', dueAt: daysFrom(limits.completedDays) }]
    case 'collected':
      // The buyer has seen it and gave the code for it.
      return [{ kind: 'complete', dueAt: now }]
    case 'completed':
    case 'refunded':
    case 'cancelled':
      return [{ kind: 'erase_address', dueAt: hoursAfter(now, limits.addressDays * DAY_HOURS) }]
    case 'paid':
    case 'preparing':
    case 'disputed':
    case 'refund_pending':
      return []
  }
}
