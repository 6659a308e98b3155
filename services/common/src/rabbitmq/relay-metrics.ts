import type { Pool } from 'pg'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { PublishOutcome } from './publisher.ts'

export interface RelayMetrics {
  published(key: string, outcome: PublishOutcome): void
  latency(seconds: number): void
}

/** Published events by outcome, commit to confirm, and what is still unsent and how old. */
export function createRelayMetrics(registry: Registry, pool: Pool): RelayMetrics {
  const registers = [registry]
  const published = new Counter({
    name: 'outbox_published_total',
    help: 'Events published from the outbox by routing key and outcome.',
    labelNames: ['key', 'outcome'],
    registers,
  })
  const latency = new Histogram({
    name: 'outbox_publish_latency_seconds',
    help: 'From the commit of an event to its confirm by the broker.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 60],
    registers,
  })
  const measure = createMeasure(pool)
  new Gauge({
    name: 'outbox_unsent_rows',
    help: 'Commits whose events are not all published.',
    registers,
    async collect() {
      const backlog = await measure()
      if (backlog !== undefined) this.set(backlog.count)
    },
  })
  new Gauge({
    name: 'outbox_oldest_unsent_seconds',
    help: 'Age of the oldest commit whose events are not all published.',
    registers,
    async collect() {
      const backlog = await measure()
      if (backlog !== undefined) this.set(backlog.age)
    },
  })
  const children = new Map<string, { inc(): void }>()
  return {
    published(key, outcome) {
      const name = `${key} ${outcome}`
      let child = children.get(name)
      if (child === undefined) {
        child = published.labels({ key, outcome })
        children.set(name, child)
      }
      child.inc()
    },
    latency: (seconds) => latency.observe(seconds),
  }
}

interface Backlog {
  count: number
  age: number
}

/** Asks the database once for all gauges of one scrape. */
function createMeasure(pool: Pool): () => Promise<Backlog | undefined> {
  let asking: Promise<Backlog | undefined> | undefined
  return () => {
    asking ??= pool
      .query<Backlog>(
        `select count(*)::int as count,
           coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as age
         from outbox where sent_at is null`,
      )
      .then(({ rows }) => rows[0])
      // Other metrics report the loss of the database; a scrape must not fail for it.
      .catch(() => undefined)
      .finally(() => {
        asking = undefined
      })
    return asking
  }
}
