import {
  isCurrency,
  lesser,
  MAX_MINOR_UNITS,
  minorDigits,
  parseAmount,
} from '@auction/common/money.ts'

/**
 * How many units of each currency are worth about a hundred dollars, as the next round number (1, 2 or 5 with
 * zeros). They decide whether an amount is unusual, so they may be wrong by half and need no daily care.
 * An operator replaces those that a currency has left behind.
 */
const CODES_BY_UNITS: Readonly<Record<string, string>> = {
  '2': 'CLF',
  '20': 'KWD XAD',
  '50': 'BHD OMR',
  '100': 'BMD BND BSD CAD CHE CHF CHW EUR FKP GBP GIP JOD KYD PAB SGD SHP USD USN',
  '200': 'AUD AWG AZN BAM BBD BOV BZD FJD GEL MXV NZD TND TOP WST XCD XCG',
  '500': 'AED BOB BRL BYN DKK ILS LYD MYR PEN PGK PLN QAR RON SAR TMT TTD UYI',
  '1000': 'BWP CNY COU GHS GTQ HKD MAD MOP NOK SBD SCR SEK SVC TJS',
  '2000': 'CUP CZK ERN HNL LSL MDL MVR MXN NAD SLE STN SZL UYW ZAR ZMW ZWG',
  '5000': 'AFN DOP EGP MKD MRU MUR MZN NIO PHP SRD THB TRY TWD UAH UYU',
  '10000': 'ALL BDT BTN CVE DZD ETB GMD HTG INR ISK JPY KES KGS NPR RSD RUB VUV XPF',
  '20000': 'DJF GYD JMD LKR LRD PKR VED VES',
  '50000': 'AMD CRC HUF KMF KZT SDG SOS XAF XOF YER',
  '100000': 'AOA ARS CLP IQD KPW KRW RWF',
  '200000': 'BIF CDF MMK MWK NGN TZS',
  '500000': 'COP KHR MGA MNT SSP UGX',
  '1000000': 'GNF PYG SYP UZS',
  '2000000': 'IDR LAK VND',
  '10000000': 'LBP',
  '50000000': 'IRR',
}

const UNITS: ReadonlyMap<string, bigint> = new Map(
  Object.entries(CODES_BY_UNITS).flatMap(([units, codes]) =>
    codes.split(' ').map((code): [string, bigint] => [code, BigInt(units)]),
  ),
)

/** About so many hundreds of dollars in minor units of a currency, at most what an amount may be. */
export function dollars(hundreds: bigint, currencyCode: string): bigint {
  const units = UNITS.get(currencyCode)
  const digits = minorDigits(currencyCode)
  if (units === undefined || digits === undefined) {
    throw new RangeError(`Unknown currency ${currencyCode}`)
  }
  return lesser(hundreds * units * 10n ** BigInt(digits), MAX_MINOR_UNITS)
}

/**
 * Reads an operator's amounts, `{"TRY":"5000"}`: a decimal string for each currency. Throws naming what is wrong,
 * so that a bad one stops the boot.
 */
export function parseAmountsByCurrency(json: string, name: string): ReadonlyMap<string, bigint> {
  const value: unknown = JSON.parse(json)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${name} must be an object by currency`)
  }
  return new Map(
    Object.entries(value).map(([currencyCode, text]): [string, bigint] => {
      if (!isCurrency(currencyCode))
        throw new RangeError(`${name}: unknown currency ${currencyCode}`)
      const amount = parseAmount(text, currencyCode)
      if (!amount.ok) throw new RangeError(`${name}: ${currencyCode} is wrong (${amount.reason})`)
      return [currencyCode, amount.minor]
    }),
  )
}
