import { createInternalClient } from '@auction/common/http/internal-client.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { WorkerParts } from '@auction/common/process/run-worker.ts'
import type { WorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { createBidEvents } from './bid-events.ts'
import { createConsumers } from './consumers.ts'
import { createCloserMetrics } from './metrics.ts'
import { createTimers } from './timers.ts'

const MINUTE_MS = 60_000

/** The consumers and timers of the bid worker, from its settings. */
export function buildWorker(
  config: WorkerConfig,
  { pool, db, log, registry }: DatabaseContext<Database>,
): WorkerParts<Database> {
  const events = createBidEvents({ legacyAlias: config.LEGACY_PASCAL_ALIAS })
  const auction = createInternalClient({
    service: SERVICE.name,
    target: 'auction',
    baseUrl: config.AUCTION_URL,
    secret: config.INTERNAL_JWT_SECRET,
  })
  return {
    consumers: createConsumers({ pool, db, events, auction }),
    timers: createTimers({
      db,
      events,
      log,
      metrics: createCloserMetrics(registry),
      refusedRetentionDays: config.BID_REFUSED_RETENTION_DAYS,
      outageExtensionMs: config.BID_OUTAGE_EXTENSION_MINUTES * MINUTE_MS,
    }),
  }
}
