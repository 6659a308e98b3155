import { createJwksCache } from '@auction/common/http/jwks.ts'
import type { App } from '@auction/common/http/server.ts'
import { createPool, type PoolOptions, type PostgresConfig } from '@auction/common/postgres/pool.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { Pool } from 'pg'
import type { ApiConfig } from '#src/config.ts'
import { parseTables } from '#src/domain/increments.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { buildApp } from './app.ts'
import { createBidEvents } from './bid-events.ts'
import { BID_CONNECTIONS } from './bid-queue.ts'

// A process that is frozen in the middle of a batch loses its locks soon: nothing that is older than
// two seconds would be decided anyway.
const IDLE_IN_TRANSACTION_MS = 3_000

/** Puts the bid API together from its settings. */
export async function buildApi(
  config: ApiConfig,
  { pool, db, log, registry, lifecycle }: DatabaseContext<Database>,
): Promise<App> {
  const bidPool = createBidPool(config, { log, registry })
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

/** The connections of batches and lanes alone. */
export function createBidPool(
  config: PostgresConfig,
  options: Pick<PoolOptions, 'log' | 'registry'>,
): Pool {
  return createPool(config, {
    ...options,
    name: 'bids',
    max: BID_CONNECTIONS,
    idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
    isPipelined: true,
  })
}
