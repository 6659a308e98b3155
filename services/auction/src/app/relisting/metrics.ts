import { Counter, type Registry } from 'prom-client'

export interface RelistMetrics {
  relisted(isAutomatic: boolean): void
}

/** New rounds of items. The API counts those by hand; the worker the others, and those that it finishes. */
export function createRelistMetrics(registry: Registry): RelistMetrics {
  const relists = new Counter({
    name: 'auction_relists_total',
    help: 'Items that went into a new round, by their seller or by themselves.',
    labelNames: ['by'],
    registers: [registry],
  })
  for (const by of ['seller', 'itself']) relists.inc({ by }, 0)
  return { relisted: (isAutomatic) => relists.inc({ by: isAutomatic ? 'itself' : 'seller' }) }
}
