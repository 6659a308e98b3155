import { Counter, Gauge, type Registry } from 'prom-client'

export interface SearchMetrics {
  matched(count: number): void
  lag(seconds: number): void
}

/** How many saved searches matched a new item, and how long items wait to be matched. */
export function createSearchMetrics(registry: Registry): SearchMetrics {
  const registers = [registry]
  const matches = new Counter({
    name: 'auction_search_matches_total',
    help: 'Matches of saved searches with new items.',
    registers,
  })
  const lag = new Gauge({
    name: 'auction_search_matching_lag_seconds',
    help: 'How long the oldest item has waited to be matched with the saved searches.',
    registers,
  })
  return {
    matched: (count) => matches.inc(count),
    lag: (seconds) => lag.set(seconds),
  }
}
