import { createInternalClient } from '@auction/common/http/internal-client.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { WorkerParts } from '@auction/common/process/run-worker.ts'
import { readOfferWindows, type WorkerConfig } from '#src/config.ts'
import { parseTables } from '#src/domain/increments.ts'
import { createBidSettings } from '#src/domain/settings.ts'
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
  // Increments decide only whether the buy-now price is still on offer after a reservation.
  const settings = createBidSettings({ increments: parseTables(config.BID_INCREMENT_TABLES) })
  const events = createBidEvents({ legacyAlias: config.LEGACY_PASCAL_ALIAS })
  const auction = createInternalClient({
    service: SERVICE.name,
    target: 'auction',
    baseUrl: config.AUCTION_URL,
    secret: config.INTERNAL_JWT_SECRET,
  })
  const metrics = createCloserMetrics(registry)
  const windows = readOfferWindows(config)
  return {
    consumers: createConsumers({ pool, db, events, settings, auction, log, observe: metrics }),
    timers: createTimers({
      db,
      events,
      settings,
      windows,
      log,
      metrics,
      refusedRetentionDays: config.BID_REFUSED_RETENTION_DAYS,
      outageExtensionMs: config.BID_OUTAGE_EXTENSION_MINUTES * MINUTE_MS,
    }),
  }
}
