import type { Logger } from '@auction/common/process/logger.ts'
import { type Repeated, repeat } from '@auction/common/process/repeat.ts'
import { type KeyDependencies, keepKeys } from '#src/app/keys/rotate-keys.ts'
import type { DeletionDependencies } from '#src/app/leaving/delete-account.ts'
import { finishDeletions } from '#src/app/leaving/finish-deletions.ts'
import type { WorkerMetrics } from '#src/app/metrics/worker-metrics.ts'
import { endDueSuspensions } from './operators/reinstate-user.ts'

export interface TimerDependencies extends KeyDependencies, DeletionDependencies {
  log: Logger
  metrics: WorkerMetrics
}

export interface TimerSettings {
  keyRotationDays: number
}

const KEYS_INTERVAL_MS = 60_000
const SUSPENSIONS_INTERVAL_MS = 5_000
const DELETIONS_INTERVAL_MS = 5_000

/** The clockwork of the identity worker, apart from purging. */
export function startTimers(
  dependencies: TimerDependencies,
  { keyRotationDays }: TimerSettings,
): Repeated {
  const { pool, db, box, log, metrics } = dependencies
  const timers = [
    repeat('signing keys', KEYS_INTERVAL_MS, log, async () => {
      const { added, forgotten, signingSince } = await keepKeys({ db, box }, keyRotationDays)
      if (added !== undefined) log.info({ kid: added }, 'signing key added')
      if (forgotten.length > 0) log.info({ kids: forgotten }, 'retired signing keys forgotten')
      metrics.keySigningSince(signingSince)
    }),
    repeat('suspensions', SUSPENSIONS_INTERVAL_MS, log, async () => {
      const ended = await endDueSuspensions({ pool, db })
      if (ended > 0) log.info({ ended }, 'suspensions ended')
    }),
    repeat('deletions', DELETIONS_INTERVAL_MS, log, async () => {
      const deleted = await finishDeletions(dependencies)
      if (deleted > 0) log.info({ deleted }, 'accounts deleted')
    }),
  ]
  return {
    async stop() {
      await Promise.all(timers.map((timer) => timer.stop()))
    },
  }
}
