import { createJwksCache } from '@auction/common/http/jwks.ts'
import type { App } from '@auction/common/http/server.ts'
import { createPool, type PoolOptions, type PostgresConfig } from '@auction/common/postgres/pool.ts'
import { repeat } from '@auction/common/process/repeat.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { Pool } from 'pg'
import { type ApiConfig, readOfferWindows } from '#src/config.ts'
import { parseAmountsByCurrency } from '#src/domain/currency-worth.ts'
import { parseTables } from '#src/domain/increments.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { recordProof } from '#src/infra/postgres/outages.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { buildApp } from './app.ts'
import { createBidEvents } from './bid-events.ts'
import { BID_CONNECTIONS } from './bid-queue.ts'

// A process that is frozen in the middle of a batch loses its locks soon: nothing that is older than
// two seconds would be decided anyway.
const IDLE_IN_TRANSACTION_MS = 3_000

// The closer waits for a proof that is younger than the end of a lot; within its two seconds of grace
// there is one.
const PROOF_INTERVAL_MS = 1_000

/** Puts the bid API together from its settings. */
export async function buildApi(
  config: ApiConfig,
  { pool, db, log, registry, lifecycle }: DatabaseContext<Database>,
): Promise<App> {
  const bidPool = createBidPool(config, { log, registry })
  lifecycle.onStop('bid connections', () => bidPool.end())
  const app = await buildApp({
    bidPool,
    pool,
    db,
    settings: createBidSettings({
      increments: parseTables(config.BID_INCREMENT_TABLES),
      confirmationFactor: config.BID_CONFIRMATION_FACTOR,
      confirmationThresholds: parseAmountsByCurrency(
        config.BID_CONFIRMATION_THRESHOLDS,
        'BID_CONFIRMATION_THRESHOLDS',
      ),
      absoluteCaps: parseAmountsByCurrency(config.BID_ABSOLUTE_CAPS, 'BID_ABSOLUTE_CAPS'),
    }),
    windows: readOfferWindows(config),
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
  // Not before: a process that cannot listen would prove again and again that bids can be placed.
  app.addHook('onListen', async () => {
    const proof = repeat('proof of bidding', PROOF_INTERVAL_MS, log, () => recordProof(bidPool))
    lifecycle.onStop('proof of bidding', () => proof.stop())
  })
  return app
}

/** The connections of batches, lanes and the proof that bids can be placed. */
export function createBidPool(
  config: PostgresConfig,
  options: Pick<PoolOptions, 'log' | 'registry'>,
): Pool {
  return createPool(config, {
    ...options,
    name: 'bids',
    max: BID_CONNECTIONS + 1,
    idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
    isPipelined: true,
  })
}
