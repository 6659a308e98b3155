import { Counter, Gauge, type Registry } from 'prom-client'
import type { OutgoingOutcome } from '#src/infra/http/guarded-client.ts'
import type { QueueState } from '#src/infra/postgres/webhooks/delivery-queue.ts'
import { createOwnerFailures } from './owner-failures.ts'
import { isSuccess } from './record-outcome.ts'

export interface WebhookMetrics {
  attempted(outcome: OutgoingOutcome, ownerId: string): void
  queue(state: QueueState): void
}

/** So many owners are shown, by their rank and not by who they are. */
const RANKS = 5
const STATES = ['active', 'failing', 'paused', 'disabled']

/** Attempts by outcome, how late deliveries are, and endpoints by state. */
export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const registers = [registry]
  const attempts = new Counter({
    name: 'notification_webhook_attempts_total',
    help: 'Attempts to send a webhook by outcome: class of the status, or why there was no answer.',
    labelNames: ['outcome'],
    registers,
  })
  const lag = new Gauge({
    name: 'notification_webhook_lag_seconds',
    help: 'How long messages of endpoints that work have been due and could have been sent.',
    registers,
  })
  const endpoints = new Gauge({
    name: 'notification_webhook_endpoints',
    help: 'Endpoints by state; failing are those active ones whose last attempts failed.',
    labelNames: ['state'],
    registers,
  })
  const owners = new Gauge({
    name: 'notification_webhook_owners',
    help: 'Users with active endpoints; failing are those of whom at least one fails.',
    labelNames: ['state'],
    registers,
  })
  const failures = createOwnerFailures()
  new Gauge({
    name: 'notification_webhook_owner_failures',
    help: 'Failed attempts of the last hour, of the owners who have most of them, by rank.',
    labelNames: ['rank'],
    registers,
    collect() {
      for (const [index, count] of failures.most(RANKS).entries()) {
        this.set({ rank: index + 1 }, count)
      }
    },
  })
  // Known from the start, so that the first one of a bad day is already an increase.
  for (const outcome of ['2xx', '4xx', '5xx', 'timeout', 'address_refused']) {
    attempts.inc({ outcome }, 0)
  }
  return {
    attempted(outcome, ownerId) {
      if (!isSuccess(outcome)) failures.failed(ownerId)
      attempts.inc({
        outcome: outcome.kind === 'failed' ? outcome.code : `${Math.floor(outcome.status / 100)}xx`,
      })
    },
    queue(state) {
      lag.set(state.lagSeconds)
      const counts = new Map(state.endpoints.map((entry) => [entry.state, entry.count]))
      owners.set({ state: 'active' }, state.owners.active)
      owners.set({ state: 'failing' }, state.owners.failing)
      for (const name of STATES) endpoints.set({ state: name }, counts.get(name) ?? 0)
    },
  }
}
