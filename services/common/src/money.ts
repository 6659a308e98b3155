import { trimText } from './text.ts'

/**
 * ISO 4217 active codes by the number of digits of their minor unit. Metals, test codes and
 * XXX have no minor unit, so nothing can be priced in them and they are absent.
 */
const CODES_BY_MINOR_DIGITS: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  2:
    'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD ' +
    'CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS ' +
    'GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD ' +
    'LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB ' +
    'PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP ' +
    'SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
}

const MINOR_DIGITS: ReadonlyMap<string, number> = new Map(
  Object.entries(CODES_BY_MINOR_DIGITS).flatMap(([digits, codes]) =>
    codes.split(' ').map((code): [string, number] => [code, Number(digits)]),
  ),
)

/**
 * The most minor units any amount may have. It is far below 2^53, so a reader that keeps money
 * in doubles is still exact, and a million such amounts still add up inside a 64-bit column.
 */
export const MAX_MINOR_UNITS = 1_000_000_000_000n

// Thirteen digits, a point and four decimals reach the cap in every currency. The rest is room
// to distinguish "too large" from "not an amount" without ever reading an endless string.
const MAX_TEXT_LENGTH = 32

// ASCII digits only: `\d` would do the same, but the class says that this is meant.
const GRAMMAR = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/

export type AmountProblem =
  | 'not_a_string'
  | 'unknown_currency'
  | 'too_long'
  | 'format'
  | 'too_many_decimals'
  | 'too_large'
  | 'not_positive'

export type ParsedAmount =
  | { readonly ok: true; readonly minor: bigint }
  | { readonly ok: false; readonly reason: AmountProblem }

/** Digits of the minor unit of an active ISO 4217 currency: USD 2, JPY 0, KWD 3. */
export function minorDigits(currencyCode: string): number | undefined {
  return MINOR_DIGITS.get(currencyCode)
}

/** True for an active ISO 4217 code in capitals. */
export function isCurrency(currencyCode: unknown): currencyCode is string {
  return typeof currencyCode === 'string' && MINOR_DIGITS.has(currencyCode)
}

/** Every currency that can be priced in, in alphabetical order. */
export function currencyCodes(): string[] {
  return [...MINOR_DIGITS.keys()].sort()
}

/**
 * Reads a decimal string exactly. Blanks around it come along when it is pasted and are no part of it. Nothing
 * is rounded or guessed: a sign, an exponent, blanks inside, leading zeros, other digits and too many
 * decimals are each refused.
 */
export function parseAmount(
  text: unknown,
  currencyCode: string,
  options: { readonly allowZero?: boolean } = {},
): ParsedAmount {
  if (typeof text !== 'string') return refused('not_a_string')
  const digits = MINOR_DIGITS.get(currencyCode)
  if (digits === undefined) return refused('unknown_currency')
  if (text.length > MAX_TEXT_LENGTH) return refused('too_long')
  const match = GRAMMAR.exec(trimText(text))
  if (match === null) return refused('format')
  const decimals = match[2] ?? ''
  if (decimals.length > digits) return refused('too_many_decimals')
  const minor = BigInt(`${match[1]}${decimals.padEnd(digits, '0')}`)
  if (minor > MAX_MINOR_UNITS) return refused('too_large')
  if (minor === 0n && options.allowZero !== true) return refused('not_positive')
  return { ok: true, minor }
}

/** Writes minor units with all decimals of the currency: 1850n is "18.50" USD, "1850" JPY. */
export function formatAmount(minor: bigint, currencyCode: string): string {
  const digits = MINOR_DIGITS.get(currencyCode)
  if (digits === undefined) throw new RangeError(`Unknown currency ${currencyCode}`)
  if (minor < 0n) return `-${formatAmount(-minor, currencyCode)}`
  if (digits === 0) return minor.toString()
  const text = minor.toString().padStart(digits + 1, '0')
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`
}

/** The smaller of two amounts. */
export function lesser(left: bigint, right: bigint): bigint {
  return left < right ? left : right
}

/** The larger of two amounts. */
export function greater(left: bigint, right: bigint): bigint {
  return left > right ? left : right
}

/** The quotient rounded to the nearest whole number, halves up; for zero or more. */
export function halfUp(dividend: bigint, divisor: bigint): bigint {
  if (dividend < 0n || divisor <= 0n) throw new RangeError(`${dividend} / ${divisor}`)
  return (2n * dividend + divisor) / (2n * divisor)
}

/**
 * What belongs to a part so far when `done` of `total` is done. A part is always computed from the running total, less
 * what was given before: then nothing is lost or made by rounding, and the last step gives the rest exactly.
 */
export function share(part: bigint, done: bigint, total: bigint): bigint {
  if (done > total) throw new RangeError(`${done} is more than ${total}`)
  return halfUp(part * done, total)
}

function refused(reason: AmountProblem): ParsedAmount {
  return { ok: false, reason }
}
