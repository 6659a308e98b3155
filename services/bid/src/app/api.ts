import { createJwksCache } from '@auction/common/http/jwks.ts'
import type { App } from '@auction/common/http/server.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { ApiConfig } from '#src/config.ts'
import { parseTables } from '#src/domain/increments.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { buildApp } from './app.ts'
import { createBidEvents } from './bid-events.ts'

// One for the batch in flight; the others for batches that a locked lot has taken apart.
const BID_CONNECTIONS = 4

/** Puts the bid API together from its settings. */
export async function buildApi(
  config: ApiConfig,
  { pool, db, log, registry, lifecycle }: DatabaseContext<Database>,
): Promise<App> {
  const bidPool = createPool(config, { log, registry, name: 'bids', max: BID_CONNECTIONS })
  lifecycle.onStop('bid connections', () => bidPool.end())
  return buildApp({
    bidPool,
    pool,
    db,
    settings: createBidSettings({
      increments: parseTables(config.BID_INCREMENT_TABLES),
      confirmationFactor: config.BID_CONFIRMATION_FACTOR,
    }),
    events: createBidEvents({ legacyAlias: config.LEGACY_PASCAL_ALIAS }),
    auth: {
      issuer: config.JWT_ISSUER,
      jwks: createJwksCache(config.JWKS_URL, log),
      internalSecret: config.INTERNAL_JWT_SECRET,
    },
    log,
    registry,
    batchMax: config.BID_BATCH_MAX,
    queueMax: config.BID_QUEUE_MAX,
    limits: {
      bids: { perSecond: config.BIDS_PER_BIDDER_SECOND, burst: config.BIDS_PER_BIDDER_BURST },
      refusals: {
        perSecond: config.REFUSALS_PER_BIDDER_SECOND,
        burst: config.BIDS_PER_BIDDER_BURST,
      },
    },
  })
}
