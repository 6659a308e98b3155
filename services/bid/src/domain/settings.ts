import { MAX_MINOR_UNITS } from '@auction/common/money.ts'
import { dollars } from './currency-worth.ts'
import { type IncrementOverrides, type IncrementTable, tableFor } from './increments.ts'

/** What the operator decides about bids in one currency, in minor units. */
export interface CurrencyRules {
  readonly table: IncrementTable
  /** No bid may be higher. */
  readonly absoluteCap: bigint
  /** A bid above this many times the price must be confirmed … */
  readonly confirmationFactor: bigint
  /** … but only if it is at least this high: a bid of 5 dollars on half a dollar does no harm. */
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
  /** By currency, in minor units. */
  readonly confirmationThresholds?: ReadonlyMap<string, bigint>
}

// In hundreds of dollars: what is confirmed from 100 dollars on, and never above a billion of them, is worth the
// same in every currency, as far as amounts reach (MAX_MINOR_UNITS).
const CONFIRMED_FROM = 1n
const HIGHEST = 10_000_000n

/** Settings with the defaults of the platform; throws on values that cannot work. */
export function createBidSettings(options: BidSettingsOptions = {}): BidSettings {
  const factor = BigInt(options.confirmationFactor ?? 5)
  if (factor < 1n) throw new RangeError('The confirmation factor must be at least 1')
  for (const threshold of options.confirmationThresholds?.values() ?? []) {
    if (threshold < 0n) throw new RangeError('A confirmation threshold must not be negative')
  }
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
        absoluteCap: options.absoluteCaps?.get(currencyCode) ?? dollars(HIGHEST, currencyCode),
        confirmationFactor: factor,
        confirmationThreshold:
          options.confirmationThresholds?.get(currencyCode) ??
          dollars(CONFIRMED_FROM, currencyCode),
      }
      known.set(currencyCode, rules)
      return rules
    },
  }
}
