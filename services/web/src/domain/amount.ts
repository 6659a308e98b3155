import { trimText } from '@auction/common/text.ts'
import type { Locale } from './locale.ts'

const DIGITS_MAX = 15

/** How each language writes 1234.5; a space or an apostrophe between groups is right in all of them. */
const MARKS: Readonly<Record<Locale, { group: string; decimal: string }>> = {
  en: { group: ',', decimal: '.' },
  de: { group: '.', decimal: ',' },
  tr: { group: '.', decimal: ',' },
}

export type ReadAmount =
  | { ok: true; amount: string }
  | { ok: false; reason: 'missing' | 'not_an_amount' | 'ambiguous' }

/**
 * An amount as a reader writes it, as the decimal text of the APIs: "1.234,50" of a German is
 * 1234.50. A plain dot before one or two digits is right everywhere, because keyboards of phones offer
 * nothing else. What could be two amounts is refused, never guessed: for a German "1.234" is over a
 * thousand, but who types "1,234" there may mean either. In a currency of three decimals "1.234" is refused where the dot
 * marks groups.
 */
export function readAmount(text: string, locale: Locale, minorDigits = 2): ReadAmount {
  const trimmed = trimText(text)
  if (trimmed === '') return { ok: false, reason: 'missing' }
  if (!/^\d[\d.,\s']*$/.test(trimmed) || trimmed.length > DIGITS_MAX + 8) {
    return { ok: false, reason: 'not_an_amount' }
  }
  // "12 50" may be 12.50 and "1'5" a slip: blanks and apostrophes stand between groups of three only.
  const isBlank = /[\s']/.test(trimmed)
  if (isBlank && !/^[1-9]\d{0,2}(?:[\s']\d{3})+(?:[.,]\d*)?$/.test(trimmed)) {
    return { ok: false, reason: 'ambiguous' }
  }
  const plain = trimmed.replaceAll(/[\s']/g, '')
  const { group, decimal } = MARKS[locale]
  const [whole = '', ...fractions] = plain.split(decimal)
  const [fraction] = fractions
  if (fractions.length > 1 || fraction === '' || fraction?.includes(group)) {
    return readForeign(plain, group)
  }
  const groups = whole.split(group)
  const isGrouped = groups.length > 1
  if (isGrouped && !/^\d{1,3}$/.test(groups[0] ?? '')) return readForeign(plain, group)
  if (isGrouped && groups.slice(1).some((part) => part.length !== 3)) {
    return readForeign(plain, group)
  }
  // No one writes thousands of nothing: "0.500" of a German is a half.
  if (isGrouped && groups[0]?.startsWith('0')) return { ok: false, reason: 'ambiguous' }
  const isThreeDecimals = minorDigits === 3
  if (isThreeDecimals && groups.length === 2 && fraction === undefined) {
    return { ok: false, reason: 'ambiguous' }
  }
  // Three digits behind the mark of decimals are thousands for the other half of the world.
  if (fraction?.length === 3 && !isThreeDecimals) return { ok: false, reason: 'ambiguous' }
  return written(groups.join(''), fraction)
}

/** The mark of groups before one or two digits at the end: how keyboards of phones write decimals. */
function readForeign(plain: string, group: string): ReadAmount {
  const [whole = '', fraction = '', ...more] = plain.split(group)
  const isDecimal = more.length === 0 && /^\d+$/.test(whole) && /^\d{1,2}$/.test(fraction)
  if (isDecimal && group === '.') return written(whole, fraction)
  return { ok: false, reason: isDecimal ? 'ambiguous' : 'not_an_amount' }
}

function written(whole: string, fraction: string | undefined): ReadAmount {
  const digits = whole.replace(/^0+(?=\d)/, '')
  if (digits.length > DIGITS_MAX) return { ok: false, reason: 'not_an_amount' }
  return { ok: true, amount: fraction === undefined ? digits : `${digits}.${fraction}` }
}
