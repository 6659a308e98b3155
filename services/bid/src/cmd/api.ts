import { createJwksCache } from '@auction/common/http/jwks.ts'
import { createMigrationCheck } from '@auction/common/postgres/migrate.ts'
import { assertDurable, createPool } from '@auction/common/postgres/pool.ts'
import { runService } from '@auction/common/process/service-process.ts'
import { buildApp } from '#src/app/app.ts'
import { createBidEvents } from '#src/app/bid-events.ts'
import { readApiConfig } from '#src/config.ts'
import { parseTables } from '#src/domain/increments.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createDatabase } from '#src/infra/postgres/database.ts'
import { MIGRATIONS } from '#src/infra/postgres/migrations.ts'

const config = readApiConfig(process.env)
// One for the batch in flight; the others for batches that a locked lot has taken apart.
const BID_CONNECTIONS = 4

await runService('bid', config, async ({ log, registry, lifecycle }) => {
  const pool = createPool(config, { log, registry })
  lifecycle.onStop('postgres', () => pool.end())
  await assertDurable(pool)
  const bidPool = createPool(config, { log, registry, name: 'bids', max: BID_CONNECTIONS })
  lifecycle.onStop('bid connections', () => bidPool.end())
  const app = await buildApp({
    bidPool,
    pool,
    db: createDatabase(pool),
    settings: createBidSettings({
      increments: parseTables(config.BID_INCREMENT_TABLES),
      confirmationFactor: config.BID_CONFIRMATION_FACTOR,
    }),
    events: createBidEvents(pool, { legacyAlias: config.LEGACY_PASCAL_ALIAS }),
    auth: {
      issuer: config.JWT_ISSUER,
      jwks: createJwksCache(config.JWKS_URL, log),
      internalSecret: config.INTERNAL_JWT_SECRET,
    },
    log,
    registry,
    batchMax: config.BID_BATCH_MAX,
    queueMax: config.BID_QUEUE_MAX,
  })
  return { app, checks: { postgres: createMigrationCheck(pool, MIGRATIONS) } }
})
