import { minorDigits } from '@auction/common/money.ts'
import { trimText } from '@auction/common/text.ts'
import { type ReadAmount, readAmount } from './amount.ts'
import { changedInstant } from './local-time.ts'
import { numberIn, readNumber } from './number.ts'
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

/** What a form of price and time showed. */
export interface StoredTimes {
  status: string
  startDate: string
  originalEndDate: string
  serverTime: string
}

/**
 * The step of price and time. What is empty and may be so is cleared; times that are still as they were shown are left
 * as they are stored. What begins when it is published begins now: until then its start lies behind.
 */
export function readPriceForm(typed: Typed, talk: Talk, stored: StoredTimes): ReadForm {
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
  if (stored.status === 'draft') changes.currencyCode = typed.currencyCode
  const minutes = typed.buyoutReservationMinutes ?? ''
  const isBuyout = changes.buyoutPrice !== null
  changes.buyoutReservationMinutes = isBuyout && /^\d{1,4}$/.test(minutes) ? Number(minutes) : null
  for (const field of ['extensionThresholdMinutes', 'extensionDurationMinutes'] as const) {
    const text = trimText(typed[field] ?? '')
    if (!/^\d{1,4}$/.test(text) || Number(text) > MINUTES_MAX)
      problems.push({ field, text: reasons.not_a_whole_number })
    else changes[field] = Number(text)
  }
  // The page that was filled in said in which zone its times are.
  const zone = readZone(typed.zone)
  const readTime = (field: 'startDate' | 'endDate', shown: string) => {
    const read = changedInstant(typed[field] ?? '', shown, zone)
    if (read === 'same') return
    if (read.ok) changes[field] = read.instant
    else problems.push({ field, text: reasons[read.reason] })
  }
  if (typed.start === 'now') changes.startDate = stored.serverTime
  else if (typed.start !== undefined) readTime('startDate', stored.startDate)
  readTime('endDate', stored.originalEndDate)
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

export interface AttributesForm {
  /** What was filled in, for the API. */
  changed: { key: string; value: string }[]
  /** The keys of what was there and is empty now. */
  emptied: string[]
  problems: Problem[]
}

/** The value of an attribute in a field. */
export const attributeIn = ({ locale }: Pick<Talk, 'locale'>, kind: string, value: string) =>
  kind === 'number' ? numberIn(locale, value) : value

/**
 * The fields of attributes. What is still as it was shown is left as it is stored. Only what the category calls a number
 * is read as one: a comma in a text, or in a choice, is a comma.
 */
export function readAttributesForm(
  typed: Typed,
  talk: Talk,
  stored: readonly { key: string; value: string }[],
  definitions: readonly { key: string; kind: string }[],
): AttributesForm {
  const { numberAmbiguous, reasons } = talk.t.selling
  const form: AttributesForm = { changed: [], emptied: [], problems: [] }
  for (const [name, given] of Object.entries(typed)) {
    const [, key] = /^attr-([a-z][a-z0-9_]{0,39})$/.exec(name) ?? []
    if (key === undefined) continue
    const text = trimText(given)
    const kind = definitions.find((definition) => definition.key === key)?.kind ?? 'text'
    const known = stored.find((attribute) => attribute.key === key)?.value
    if (text === '') {
      if (known !== undefined) form.emptied.push(key)
      continue
    }
    if (known !== undefined && text === attributeIn(talk, kind, known)) continue
    const read: ReadAmount =
      kind === 'number' ? readNumber(text, talk.locale) : { ok: true, amount: text }
    if (read.ok) form.changed.push({ key, value: read.amount })
    else {
      const isAmbiguous = read.reason === 'ambiguous'
      form.problems.push({
        field: name,
        text: isAmbiguous ? numberAmbiguous : reasons.not_a_number,
      })
    }
  }
  return form
}
