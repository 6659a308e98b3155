import type { Logger } from '@auction/common/process/logger.ts'
import { type Repeated, repeat } from '@auction/common/process/repeat.ts'
import { purgeInbox } from '@auction/common/rabbitmq/inbox.ts'
import type { Kysely } from 'kysely'
import { purgeRefusedBids, readClosingBacklog } from '#src/infra/postgres/results.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BidEvents } from './bid-events.ts'
import { closeDueLots } from './close-lots.ts'
import type { CloserMetrics } from './metrics.ts'

export interface TimerDependencies {
  db: Kysely<Database>
  events: BidEvents
  log: Logger
  metrics: CloserMetrics
}

const CLOSE_INTERVAL_MS = 1_000
const BACKLOG_INTERVAL_MS = 10_000
const PURGE_INTERVAL_MS = 60_000
const PURGE_BATCH = 1_000
// Longer than outbox and dead letters are kept, so a late replay is still recognised.
const INBOX_RETENTION_DAYS = 30

/** The clockwork of the bid worker: closing, its backlog as metrics, and purging. */
export function startTimers(
  { db, events, log, metrics }: TimerDependencies,
  refusedRetentionDays: number,
): Repeated {
  const timers = [
    repeat('closer', CLOSE_INTERVAL_MS, log, () =>
      closeDueLots({ db, events, log, observe: metrics }),
    ),
    repeat('closing backlog', BACKLOG_INTERVAL_MS, log, async () => {
      metrics.backlog(await readClosingBacklog(db))
    }),
    repeat('purge', PURGE_INTERVAL_MS, log, async () => {
      // Every refusal is stored, so a busy day is more than one batch.
      while ((await purgeRefusedBids(db, refusedRetentionDays, PURGE_BATCH)) === PURGE_BATCH);
      await purgeInbox(db, INBOX_RETENTION_DAYS, PURGE_BATCH)
    }),
  ]
  return {
    async stop() {
      await Promise.all(timers.map((timer) => timer.stop()))
    },
  }
}
