import { minorDigits } from '@auction/common/money.ts'
import { readAmount } from './amount.ts'
import { instantOf } from './local-time.ts'
import type { Problem } from './problem-text.ts'
import { readZone, type Talk } from './talk.ts'

/** Fields of a form as they were typed. */
export type Typed = Readonly<Record<string, string>>

export interface ReadForm {
  /** For the API. */
  changes: Record<string, unknown>
  problems: Problem[]
}

const MINUTES_MAX = 1_440

/**
 * The step of price and time. What is empty and may be so is cleared. `now` is the start of what begins when it is
 * published: until then it lies behind.
 */
export function readPriceForm(typed: Typed, talk: Talk, now: string, isDraft: boolean): ReadForm {
  const { reasons } = talk.t.selling
  const changes: Record<string, unknown> = {}
  const problems: Problem[] = []
  const digits = minorDigits(typed.currencyCode ?? '')
  if (digits === undefined) problems.push({ field: 'currencyCode', text: reasons.unknown_currency })
  for (const field of ['startPrice', 'reservePrice', 'bidIncrement', 'buyoutPrice'] as const) {
    const amount = amountOf(typed, field, talk, digits ?? 2, field === 'startPrice')
    if ('problem' in amount) problems.push(amount.problem)
    else changes[field] = amount.value
  }
  if (isDraft) changes.currencyCode = typed.currencyCode
  const minutes = typed.buyoutReservationMinutes ?? ''
  const isBuyout = changes.buyoutPrice !== null
  changes.buyoutReservationMinutes = isBuyout && /^\d{1,4}$/.test(minutes) ? Number(minutes) : null
  for (const field of ['extensionThresholdMinutes', 'extensionDurationMinutes'] as const) {
    const text = (typed[field] ?? '').trim()
    if (!/^\d{1,4}$/.test(text) || Number(text) > MINUTES_MAX)
      problems.push({ field, text: reasons.not_a_whole_number })
    else changes[field] = Number(text)
  }
  // The page that was filled in said in which zone its times are.
  const zone = readZone(typed.zone)
  if (typed.start === 'now') changes.startDate = now
  else if (typed.start !== undefined) {
    const start = instantOf(typed.startDate ?? '', zone)
    if (start.ok) changes.startDate = start.instant
    else problems.push({ field: 'startDate', text: reasons[start.reason] })
  }
  const end = instantOf(typed.endDate ?? '', zone)
  if (end.ok) changes.endDate = end.instant
  else problems.push({ field: 'endDate', text: reasons[end.reason] })
  return { changes, problems }
}

/** An amount, null where it may be empty and is, or what is wrong with it. */
export function amountOf(
  typed: Typed,
  field: string,
  talk: Talk,
  digits: number,
  isRequired: boolean,
): { value: string | null } | { problem: Problem } {
  const read = readAmount(typed[field] ?? '', talk.locale, digits)
  if (read.ok) return { value: read.amount }
  if (read.reason === 'missing' && !isRequired) return { value: null }
  const { missing, notAnAmount, ambiguous } = talk.t.amount
  const text = { missing, not_an_amount: notAnAmount, ambiguous }[read.reason]
  return { problem: { field, text } }
}

/** An amount of the API as the reader would have typed it. */
export const amountIn = ({ locale }: Pick<Talk, 'locale'>, amount: string | undefined): string =>
  locale === 'en' ? (amount ?? '') : (amount ?? '').replace('.', ',')
