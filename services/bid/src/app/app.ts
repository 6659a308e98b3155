import type { AuthOptions } from '@auction/common/http/auth.ts'
import { type App, buildServer } from '@auction/common/http/server.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import type { Registry } from 'prom-client'
import type { OfferWindows } from '#src/domain/offer.ts'
import type { BidSettings } from '#src/domain/settings.ts'
import { bidErrors } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BidEvents } from './bid-events.ts'
import { createBidQueue, LANES_MAX } from './bid-queue.ts'
import { type BidderLimitsOptions, createBidderLimits } from './bidder-limits.ts'
import { createBidderNumbers } from './bidder-numbers.ts'
import { createConfirmations } from './confirmation.ts'
import { type DecideDependencies, decideBatch, decideHeldLot, WAIT_MAX_MS } from './decide-batch.ts'
import { createBidMetrics } from './metrics.ts'
import { bidRoutes } from './routes/bids.ts'
import { blockRoutes } from './routes/blocks.ts'
import { internalRoutes } from './routes/internal.ts'
import { lotRoutes } from './routes/lots.ts'
import { offerRoutes } from './routes/offers.ts'
import { purchaseRoutes } from './routes/purchases.ts'

export interface AppDependencies {
  /** For decisions alone: however many people read, a batch never waits for a connection. */
  bidPool: Pool
  /** For everything else, prepared or by Kysely. */
  pool: Pool
  db: Kysely<Database>
  settings: BidSettings
  windows: OfferWindows
  events: BidEvents
  auth: Pick<AuthOptions, 'issuer' | 'jwks' | 'internalSecret'>
  log: Logger
  registry: Registry
  batchMax: number
  queueMax: number
  limits: BidderLimitsOptions
  /** How long a bid may wait for its decision, instead of two seconds. */
  waitMaxMs?: number
}

/** The bid API, ready for `listen` or `inject`. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const { bidPool, pool, db, settings, windows, events, log, registry } = dependencies
  const { waitMaxMs = WAIT_MAX_MS } = dependencies
  const app = await buildServer({
    service: 'bid',
    log,
    registry,
    auth: { ...dependencies.auth, unauthenticated: bidErrors.unauthenticated },
    docs: {
      prefix: '/api/v1/lots',
      title: 'Bid API',
      description:
        'Lots under the hammer: price, history, proxy bids, buying at once, and offers afterwards.',
      tags: {
        lots: 'The state of the bidding on an item.',
        bids: 'Placing bids, the history of a lot, and the bids of the caller.',
        purchases: 'Buying at once, at the price that the seller asks for it.',
        offers: 'What sellers offer to bidders of a lot that is over.',
        blocks: 'Bidders whose bids a seller does not take.',
      },
    },
  })
  const metrics = createBidMetrics(registry)
  const deciding: DecideDependencies = {
    pool: bidPool,
    db,
    settings,
    confirmations: createConfirmations(dependencies.auth.internalSecret),
    numbers: createBidderNumbers(),
    events,
    waitMaxMs,
    observe: metrics,
  }
  const queue = createBidQueue({
    batchMax: dependencies.batchMax,
    queueMax: dependencies.queueMax,
    lanesMax: LANES_MAX,
    waitMaxMs,
    observe: metrics,
    decide: (batch) => decideBatch(deciding, batch),
    decideHeldLot: (itemId, take) => decideHeldLot(deciding, itemId, take),
  })
  metrics.watchQueue(queue)
  const limits = createBidderLimits(dependencies.limits)
  await bidRoutes(app, { pool, db, queue, limits, observe: metrics })
  await purchaseRoutes(app, { queue, limits, observe: metrics })
  await lotRoutes(app, { pool, db, settings })
  await blockRoutes(app, { db })
  await offerRoutes(app, { db, windows, observe: metrics })
  await internalRoutes(app, { db, pool, events, settings, windows, observe: metrics })
  app.addHook('onClose', () => queue.drained())
  return app
}
