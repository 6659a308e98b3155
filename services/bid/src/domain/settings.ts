import { MAX_MINOR_UNITS, minorDigits } from '@auction/common/money.ts'
import { type IncrementOverrides, type IncrementTable, tableFor } from './increments.ts'

/** What the operator decides about bids in one currency, in minor units. */
export interface CurrencyRules {
  readonly table: IncrementTable
  /** No bid may be higher. */
  readonly absoluteCap: bigint
  /** A bid above this many times the price must be confirmed … */
  readonly confirmationFactor: bigint
  /** … but only if it is at least this high: a bid of 5.00 on 0.50 does no harm. */
  readonly confirmationThreshold: bigint
}

/** The rules of every currency, looked up for each bid. */
export interface BidSettings {
  rulesFor(currencyCode: string): CurrencyRules
}

export interface BidSettingsOptions {
  readonly increments?: IncrementOverrides
  /** By currency, in minor units. */
  readonly absoluteCaps?: ReadonlyMap<string, bigint>
  readonly confirmationFactor?: number
  /** In whole units of the currency. */
  readonly confirmationThresholdUnits?: number
}

/** Settings with the defaults of the platform; throws on values that cannot work. */
export function createBidSettings(options: BidSettingsOptions = {}): BidSettings {
  const factor = BigInt(options.confirmationFactor ?? 5)
  const thresholdUnits = BigInt(options.confirmationThresholdUnits ?? 100)
  if (factor < 1n) throw new RangeError('The confirmation factor must be at least 1')
  if (thresholdUnits < 0n) throw new RangeError('The confirmation threshold must not be negative')
  for (const cap of options.absoluteCaps?.values() ?? []) {
    if (cap < 1n || cap > MAX_MINOR_UNITS) throw new RangeError('An absolute cap is out of range')
  }
  const known = new Map<string, CurrencyRules>()
  return {
    rulesFor(currencyCode) {
      const cached = known.get(currencyCode)
      if (cached !== undefined) return cached
      const rules: CurrencyRules = {
        table: tableFor(currencyCode, options.increments),
        absoluteCap: options.absoluteCaps?.get(currencyCode) ?? MAX_MINOR_UNITS,
        confirmationFactor: factor,
        confirmationThreshold: thresholdUnits * 10n ** BigInt(minorDigits(currencyCode) ?? 0),
      }
      known.set(currencyCode, rules)
      return rules
    },
  }
}
