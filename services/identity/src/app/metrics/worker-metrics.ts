import { Gauge, type Registry } from 'prom-client'

export interface WorkerMetrics {
  keySigningSince(since: Date | undefined): void
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
  return {
    keySigningSince(since) {
      signingSince = since
    },
  }
}
