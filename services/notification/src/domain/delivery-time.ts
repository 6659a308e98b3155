import { type Channel, kindOf, type Template } from './notices.ts'
import { type Choice, choiceFor, isAlwaysSent, type Wishes } from './preferences.ts'
import { afterQuietHours } from './quiet-hours.ts'
import { addDays, instantOf, wallTimeAt, weekdayOf } from './zone-time.ts'

/** Of notices of which only the latest is open, a user gets one by each channel in this time. */
export const AGAIN_AFTER_MS = 10 * 60_000

const DIGEST_MINUTE = 8 * 60
const MONDAY = 1
const WEEK_DAYS = 7

export interface SendingQuestion {
  readonly template: Template
  readonly channel: Channel
  readonly wishes: Wishes
  readonly now: Date
  /** When a notice of the same template and aggregate was last sent to this user by this channel. */
  readonly lastSentAt?: Date | undefined
}

/** When a notice that is shown now is to be sent by a channel; undefined: it is not. */
export function sendingTime(question: SendingQuestion): Date | undefined {
  const { template, channel, wishes, now, lastSentAt } = question
  const choice = choiceFor(template, channel, wishes.choices)
  if (choice === 'off') return undefined
  const wanted = choice === 'now' ? now : nextDigest(now, choice, wishes.timeZone)
  if (isAlwaysSent(template, channel)) return wanted
  const isPaced = kindOf(template).isLatestOnly === true && lastSentAt !== undefined
  const at = isPaced
    ? new Date(Math.max(wanted.getTime(), lastSentAt.getTime() + AGAIN_AFTER_MS))
    : wanted
  return afterQuietHours(at, wishes.quietHours, wishes.timeZone)
}

/** The next eight o'clock in the morning of a zone, on a Monday for weekly ones. */
export function nextDigest(now: Date, choice: Exclude<Choice, 'now' | 'off'>, zone: string): Date {
  const today = wallTimeAt(now, zone)
  const ahead = (MONDAY - weekdayOf(today) + WEEK_DAYS) % WEEK_DAYS
  const step = choice === 'daily' ? 1 : WEEK_DAYS
  for (let days = choice === 'daily' ? 0 : ahead; ; days += step) {
    const at = instantOf(addDays(today, days, DIGEST_MINUTE), zone, now)
    if (at !== undefined) return at
  }
}
