import { Gauge, type Registry } from 'prom-client'

export interface WorkerMetrics {
  keySigningSince(since: Date | undefined): void
  deletionOverdue(seconds: number): void
}

/** What the worker alone knows, measured by its timers. */
export function createWorkerMetrics(registry: Registry): WorkerMetrics {
  let signingSince: Date | undefined
  new Gauge({
    name: 'identity_signing_key_age_seconds',
    help: 'How long the newest active signing key has been in use.',
    registers: [registry],
    collect() {
      if (signingSince !== undefined) this.set((Date.now() - signingSince.getTime()) / 1000)
    },
  })
  const overdue = new Gauge({
    name: 'identity_deletion_overdue_seconds',
    help: 'For how long the oldest closed account has waited to be deleted beyond its time.',
    registers: [registry],
  })
  return {
    deletionOverdue: (seconds) => overdue.set(seconds),
    keySigningSince(since) {
      signingSince = since
    },
  }
}
