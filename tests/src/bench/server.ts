/**
 * The bid API in one of three forms, each a process of its own. `ours` is production; `bare` has
 * the same server, route, checks and answer without a database; `transaction` has one transaction
 * per bid in the plain style that every system we studied uses.
 */

import { createBidPool } from '@auction/bid/app/api.ts'
import { buildApp } from '@auction/bid/app/app.ts'
import { createBidEvents } from '@auction/bid/app/bid-events.ts'
import type { BidQueue } from '@auction/bid/app/bid-queue.ts'
import { bidRoutes } from '@auction/bid/app/routes/bids.ts'
import { OFFER_WINDOWS } from '@auction/bid/domain/offer.ts'
import { createBidSettings } from '@auction/bid/domain/settings.ts'
import { bidErrors } from '@auction/bid/errors.ts'
import type { Database } from '@auction/bid/infra/postgres/schema.ts'
import { buildServer } from '@auction/common/http/server.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { bareQueue } from './bare-queue.ts'
import { transactionQueue } from './transaction-queue.ts'

const [mode = 'ours', port = '0', postgresUrl = ''] = process.argv.slice(2)
const publicKey = process.env.BENCH_PUBLIC_KEY ?? ''
const address = new URL(postgresUrl)
const log = createLogger('bench', 'warn')
const registry = createRegistry('bench')
const postgres = {
  POSTGRES_HOST: address.hostname,
  POSTGRES_PORT: Number(address.port),
  POSTGRES_USERNAME: address.username,
  POSTGRES_PASSWORD: address.password,
  POSTGRES_DATABASE: address.pathname.slice(1),
  POSTGRES_SSLMODE: 'disable',
  POSTGRES_POOL_MAX: 16,
}
const pool = createPool(postgres, { log, registry })
const db = createDatabase<Database>(pool)
const auth = {
  issuer: 'auction-identity',
  internalSecret: 'a secret that only the benchmark uses',
  jwks: { publicKey: async () => publicKey },
}

/** Few accounts send the bids of many. */
const AT_ONCE = { perSecond: 1_000_000, burst: 1_000_000 }

async function plainServer(queue: BidQueue) {
  const app = await buildServer({
    service: 'bid',
    log,
    registry,
    auth: { ...auth, unauthenticated: bidErrors.unauthenticated },
  })
  await bidRoutes(app, { pool, db, queue })
  return app
}

const app =
  mode === 'ours'
    ? await buildApp({
        bidPool: createBidPool(postgres, { log, registry }),
        pool,
        db,
        settings: createBidSettings(),
        windows: OFFER_WINDOWS,
        events: createBidEvents({ legacyAlias: false }),
        auth,
        log,
        registry,
        batchMax: Number(process.env.BID_BATCH_MAX ?? 256),
        queueMax: 2_000,
        limits: { bids: AT_ONCE, refusals: AT_ONCE },
      })
    : await plainServer(mode === 'bare' ? bareQueue() : transactionQueue(pool))
await app.listen({ host: '127.0.0.1', port: Number(port) })
process.on('SIGINT', () => process.exit(0))
process.send?.('ready')
