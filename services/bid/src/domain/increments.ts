import { isCurrency, minorDigits, parseAmount } from '@auction/common/money.ts'

/** From this price on (inclusive), a bid must raise by `step`. Both in minor units. */
export interface IncrementBand {
  readonly from: bigint
  readonly step: bigint
}

/** Bands in rising order; the first starts at zero. */
export type IncrementTable = readonly IncrementBand[]

/** Tables that an operator puts in the place of the built-in ones, by currency. */
export type IncrementOverrides = ReadonlyMap<string, IncrementTable>

// Price from which a band holds and its increment, in hundredths.
const US: IncrementTable = bands([
  [0, 5],
  [1_00, 25],
  [5_00, 50],
  [25_00, 1_00],
  [100_00, 2_50],
  [250_00, 5_00],
  [500_00, 10_00],
  [1_000_00, 25_00],
  [2_500_00, 50_00],
  [5_000_00, 100_00],
])

const UK: IncrementTable = bands([
  [0, 5],
  [1_00, 20],
  [5_00, 50],
  [15_00, 1_00],
  [60_00, 2_00],
  [150_00, 5_00],
  [300_00, 10_00],
  [600_00, 20_00],
  [1_500_00, 50_00],
  [3_000_00, 100_00],
])

/**
 * Units of the currency for one dollar, rounded to what keeps every band and step a round
 * number: [2, 1] is two for a dollar, [1, 2] is half a unit for a dollar. These are prices
 * people bid in, not exchange rates, and they need no daily care.
 */
const UNITS_PER_DOLLAR: Readonly<Record<string, readonly [bigint, bigint]>> = {
  ...scaleFor('EUR AUD CAD NZD CHF SGD AED SAR QAR ILS PLN RON BRL CNY MYR JOD TND LYD', 1n),
  ...scaleFor('TRY SEK NOK DKK CZK HKD MXN ZAR THB TWD INR PHP UAH RUB EGP', 10n),
  ...scaleFor('JPY ISK HUF', 100n),
  ...scaleFor('KRW CLP COP ARS NGN IQD', 1_000n),
  ...scaleFor('VND IDR', 10_000n),
  ...scaleFor('BHD OMR', 1n, 2n),
  ...scaleFor('KWD', 1n, 5n),
}

const builtInTables = new Map<string, IncrementTable>([
  ['USD', US],
  ['GBP', UK],
])

/**
 * The table of a currency. One without a table of its own has the US amounts in its own units;
 * where it has no minor unit (XAF) a step of 0.05 cannot be written, so its unit counts as a cent.
 */
export function tableFor(currencyCode: string, overrides?: IncrementOverrides): IncrementTable {
  const table = overrides?.get(currencyCode) ?? builtInTables.get(currencyCode)
  if (table !== undefined) return table
  const digits = minorDigits(currencyCode)
  if (digits === undefined) throw new RangeError(`Unknown currency ${currencyCode}`)
  const [units, dollars] = UNITS_PER_DOLLAR[currencyCode] ?? [digits === 0 ? 100n : 1n, 1n]
  const built = scaled(US, units * 10n ** BigInt(digits), dollars * 100n)
  builtInTables.set(currencyCode, built)
  return built
}

/** The step that must be added to a price: a seller's fixed one, or that of the price's band. */
export function increment(rule: IncrementTable | bigint, price: bigint): bigint {
  if (typeof rule === 'bigint') return rule
  for (let index = rule.length - 1; index >= 0; index -= 1) {
    const band = rule[index]
    if (band !== undefined && price >= band.from) return band.step
  }
  throw new RangeError('A price is never negative')
}

/**
 * Throws unless bands rise from zero and steps are positive and never fall. Then `x + step(x)`
 * never falls either, which the proofs of proxy bidding need.
 */
export function checkTable(table: IncrementTable): IncrementTable {
  if (table[0]?.from !== 0n) throw new RangeError('The first increment band must start at 0')
  let before: IncrementBand | undefined
  for (const band of table) {
    if (band.step <= 0n) throw new RangeError('An increment must be positive')
    if (before !== undefined && band.from <= before.from) {
      throw new RangeError('Increment bands must start at rising prices')
    }
    if (before !== undefined && band.step < before.step) {
      throw new RangeError('Increments must not fall when the price rises')
    }
    before = band
  }
  return table
}

/**
 * Reads an operator's tables, `{"TRY":[["0","0.50"],["10","2.50"]]}`: the price from
 * which a band holds and its step, as decimal strings. Throws naming the currency and band that is wrong, so that a bad one stops the boot.
 */
export function parseTables(json: string): IncrementOverrides {
  const value: unknown = JSON.parse(json)
  if (!isRecord(value)) throw new TypeError('Increment tables must be an object by currency')
  const tables = Object.entries(value).map(([currencyCode, rows]): [string, IncrementTable] => {
    if (!isCurrency(currencyCode)) throw new RangeError(`Unknown currency ${currencyCode}`)
    if (!Array.isArray(rows)) throw new TypeError(`Increments of ${currencyCode} must be a list`)
    const table = rows.map((row: unknown, index) => parseBand(row, index, currencyCode))
    try {
      return [currencyCode, checkTable(table)]
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      throw new RangeError(`Increments of ${currencyCode} are wrong: ${problem}`, { cause: error })
    }
  })
  return new Map(tables)
}

function parseBand(row: unknown, index: number, currencyCode: string): IncrementBand {
  const where = `Increments of ${currencyCode}, band ${index + 1}`
  if (!Array.isArray(row) || row.length !== 2) throw new TypeError(`${where}: must be [from, step]`)
  const from = parseAmount(row[0], currencyCode, { allowZero: true })
  if (!from.ok) throw new RangeError(`${where}: "from" is wrong (${from.reason})`)
  const step = parseAmount(row[1], currencyCode)
  if (!step.ok) throw new RangeError(`${where}: "step" is wrong (${step.reason})`)
  return { from: from.minor, step: step.minor }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bands(rows: readonly (readonly [number, number])[]): IncrementTable {
  return checkTable(rows.map(([from, step]) => ({ from: BigInt(from), step: BigInt(step) })))
}

function scaleFor(
  currencyCodes: string,
  units: bigint,
  dollars = 1n,
): Record<string, readonly [bigint, bigint]> {
  return Object.fromEntries(currencyCodes.split(' ').map((code) => [code, [units, dollars]]))
}

function scaled(table: IncrementTable, numerator: bigint, denominator: bigint): IncrementTable {
  const exactly = (amount: bigint): bigint => {
    const product = amount * numerator
    if (product % denominator !== 0n) throw new RangeError('A scaled increment must be exact')
    return product / denominator
  }
  return checkTable(table.map(({ from, step }) => ({ from: exactly(from), step: exactly(step) })))
}
