import { trimText } from '@auction/common/text.ts'
import { type ReadAmount, readAmount } from './amount.ts'
import type { Locale } from './locale.ts'

/** As many decimals as make three of them possible: "1.234" may be over a thousand, or little more than one. */
const DECIMALS = 3

/**
 * A number as a reader writes it, as the decimal text of the APIs. It is read as amounts are and may have a sign:
 * "12,5" of a German is 12.5, and what could be two numbers is refused.
 */
export function readNumber(text: string, locale: Locale): ReadAmount {
  const [, sign = '', digits = ''] = /^([-−]?)(.*)$/s.exec(trimText(text)) ?? []
  const read = readAmount(digits, locale, DECIMALS)
  return read.ok && sign !== '' ? { ok: true, amount: `-${read.amount}` } : read
}

/** A decimal text of the APIs as the reader writes numbers; a value that is none stays as it is. */
export const numberIn = (locale: Locale, value: string): string =>
  locale !== 'en' && /^-?\d+\.\d+$/.test(value) ? value.replace('.', ',') : value
