import type { Logger } from '@auction/common/process/logger.ts'
import type { Timer } from '@auction/common/process/repeat.ts'
import { type KeyDependencies, keepKeys } from '#src/app/keys/rotate-keys.ts'
import type { DeletionDependencies } from '#src/app/leaving/delete-account.ts'
import { finishDeletions } from '#src/app/leaving/finish-deletions.ts'
import { answerEmailChanges } from '#src/app/mail-requests/answer-email-changes.ts'
import { answerMailRequests } from '#src/app/mail-requests/answer-mail-requests.ts'
import { answerRegistrations } from '#src/app/mail-requests/answer-registrations.ts'
import type { WorkerMetrics } from '#src/app/metrics/worker-metrics.ts'
import { endDueSuspensions } from '#src/app/operators/reinstate-user.ts'
import { purge } from '#src/app/retention/purge.ts'
import { readDeletionOverdueSeconds } from '#src/infra/postgres/leaving/deletions.ts'

export interface TimerDependencies extends KeyDependencies, DeletionDependencies {
  log: Logger
  metrics: WorkerMetrics
  keyRotationDays: number
}

const KEYS_INTERVAL_MS = 60_000
const SUSPENSIONS_INTERVAL_MS = 5_000
const DELETIONS_INTERVAL_MS = 5_000
const MAILS_INTERVAL_MS = 250
const PURGE_INTERVAL_MS = 600_000

/**
 * What the identity worker repeats: rotate signing keys, end suspensions, finish deletions, answer
 * requests for mails, and purge what has ended.
 */
export function createTimers(dependencies: TimerDependencies): Timer[] {
  const { db, box, log, metrics, keyRotationDays } = dependencies
  return [
    {
      name: 'signing keys',
      intervalMs: KEYS_INTERVAL_MS,
      async run() {
        const { added, forgotten, signingSince } = await keepKeys({ db, box }, keyRotationDays)
        if (added !== undefined) log.info({ kid: added }, 'signing key added')
        if (forgotten.length > 0) log.info({ kids: forgotten }, 'retired signing keys deleted')
        metrics.keySigningSince(signingSince)
      },
    },
    {
      name: 'suspensions',
      intervalMs: SUSPENSIONS_INTERVAL_MS,
      async run() {
        const ended = await endDueSuspensions({ db })
        if (ended > 0) log.info({ ended }, 'suspensions ended')
      },
    },
    {
      name: 'deletions',
      intervalMs: DELETIONS_INTERVAL_MS,
      async run() {
        try {
          const deleted = await finishDeletions(dependencies)
          if (deleted > 0) log.info({ deleted }, 'accounts deleted')
        } finally {
          metrics.deletionOverdue(await readDeletionOverdueSeconds(db))
        }
      },
    },
    {
      name: 'mail requests',
      intervalMs: MAILS_INTERVAL_MS,
      async run() {
        await answerMailRequests(dependencies)
        await answerRegistrations(dependencies)
        await answerEmailChanges(dependencies)
      },
    },
    {
      name: 'purge',
      intervalMs: PURGE_INTERVAL_MS,
      async run() {
        const purged = await purge(db)
        if (Object.values(purged).some((count) => count > 0)) {
          log.info(purged, 'ended sessions purged')
        }
      },
    },
  ]
}
