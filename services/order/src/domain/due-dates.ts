/** Time limits of an order; an operator may change each (README, "Settings"). */
export interface TimeLimits {
  /** From the win to the instant at which it must be paid. */
  readonly dueHours: number
  /** A buyer whose order came late has at least so long. */
  readonly dueLeastHours: number
  /** When the buyer is reminded, in hours from the win; rising. */
  readonly reminderHours: readonly number[]
  /** From the due instant to the cancellation. */
  readonly overdueHours: number
  /** A shipped order is taken as delivered after so long. */
  readonly deliveredDays: number
  /** A delivered order is completed after so long without a dispute. */
  readonly completedDays: number
  /** So long after the end of an order its address is deleted. */
  readonly addressDays: number
  /** So long after the cancellation a seller may reopen an order that was not paid. */
  readonly reopenDays: number
  /** From the reopening to the new due instant. */
  readonly reopenDueHours: number
  /** So long the other side of a dispute has to answer before a moderator decides without it. */
  readonly disputeDays: number
}

const HOUR_MS = 3_600_000

export const hoursAfter = (instant: Date, hours: number) =>
  new Date(instant.getTime() + hours * HOUR_MS)

/**
 * When an order is due, and when it is cancelled if it is not paid (R-ORDER-2). Hours are counted, never
 * days: an order is due at an instant, and not at the end of a day of some zone.
 */
export function dueDates(
  wonAt: Date,
  createdAt: Date,
  {
    dueHours,
    dueLeastHours,
    overdueHours,
  }: Pick<TimeLimits, 'dueHours' | 'dueLeastHours' | 'overdueHours'>,
): { dueAt: Date; cancelAt: Date } {
  const dueAt = later(hoursAfter(wonAt, dueHours), hoursAfter(createdAt, dueLeastHours))
  return { dueAt, cancelAt: hoursAfter(dueAt, overdueHours) }
}

const later = (one: Date, other: Date) => (one > other ? one : other)

export interface Reminder {
  /** 1 for the first. */
  readonly n: number
  readonly at: Date
}

/** The reminders of an order, those after its due instant left out. */
export function remindersOf(
  { wonAt, dueAt }: { wonAt: Date; dueAt: Date },
  { reminderHours }: Pick<TimeLimits, 'reminderHours'>,
): Reminder[] {
  return reminderHours
    .map((hours, index) => ({ n: index + 1, at: hoursAfter(wonAt, hours) }))
    .filter(({ at }) => at < dueAt)
}

/**
 * What a reminder timer has to do: send the latest of those whose time has come, which after an outage
 * may be several, and wait for the one after it (R-ORDER-3).
 */
export function judgeReminders(
  reminders: readonly Reminder[],
  sent: number,
  now: Date,
): { send: Reminder | undefined; next: Reminder | undefined } {
  const send = reminders.filter(({ n, at }) => n > sent && at <= now).at(-1)
  const next = reminders.find(({ n, at }) => n > (send?.n ?? sent) && at > now)
  return { send, next }
}
