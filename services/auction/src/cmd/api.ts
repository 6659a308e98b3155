import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createJwksCache } from '@auction/common/http/jwks.ts'
import { createMigrationCheck } from '@auction/common/postgres/migrate.ts'
import { assertDurable, createPool } from '@auction/common/postgres/pool.ts'
import { runService } from '@auction/common/process/service-process.ts'
import { buildApp } from '#src/app/app.ts'
import { startGrpc } from '#src/app/grpc/server.ts'
import { createItemEvents } from '#src/app/item/item-events.ts'
import { createTermsClient } from '#src/app/lot-terms/terms-client.ts'
import { readApiConfig } from '#src/config.ts'
import { listingLimits } from '#src/domain/listing.ts'
import { createStorage } from '#src/infra/images/create-storage.ts'
import { createDatabase } from '#src/infra/postgres/database.ts'
import { auctionMigrations } from '#src/infra/postgres/migrations.ts'

const config = readApiConfig(process.env)
const { INTERNAL_JWT_SECRET: secret } = config

await runService('auction', config, async ({ log, registry, lifecycle }) => {
  const pool = createPool(config, { log, registry })
  lifecycle.onStop('postgres', () => pool.end())
  await assertDurable(pool)
  const db = createDatabase(pool)
  const grpc = await startGrpc({
    ...{ db, log, registry, internalSecret: secret },
    ...{ host: config.HOST, port: config.GRPC_PORT },
  })
  lifecycle.onStop('grpc', () => grpc.close())
  const app = await buildApp({
    db,
    events: createItemEvents(pool, { legacyAlias: config.LEGACY_PASCAL_ALIAS }),
    limits: listingLimits(config.MIN_AUCTION_SECONDS),
    publicReadsMaxAgeMs: config.PUBLIC_READS_MAX_AGE_MS,
    isSellerRoleRequired: config.REQUIRE_SELLER_ROLE,
    images: createStorage(config),
    terms: createTermsClient(
      createInternalClient({ service: 'auction', target: 'bid', baseUrl: config.BID_URL, secret }),
    ),
    auth: {
      issuer: config.JWT_ISSUER,
      jwks: createJwksCache(config.JWKS_URL, log),
      internalSecret: secret,
    },
    ...{ log, registry },
  })
  return { app, checks: { postgres: createMigrationCheck(pool, auctionMigrations) } }
})
