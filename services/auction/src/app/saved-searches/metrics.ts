import { Counter, Gauge, type Registry } from 'prom-client'

export interface SearchMetrics {
  matched(count: number): void
  lag(seconds: number): void
}

/** How many saved searches were told of an item, and how long items wait for that. */
export function createSearchMetrics(registry: Registry): SearchMetrics {
  const registers = [registry]
  const matches = new Counter({
    name: 'auction_search_matches_total',
    help: 'Saved searches that were told of an item.',
    registers,
  })
  const lag = new Gauge({
    name: 'auction_search_matching_lag_seconds',
    help: 'Since when the oldest item waits for the saved searches to be asked.',
    registers,
  })
  return {
    matched: (count) => matches.inc(count),
    lag: (seconds) => lag.set(seconds),
  }
}
