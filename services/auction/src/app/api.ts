import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createJwksCache } from '@auction/common/http/jwks.ts'
import type { App } from '@auction/common/http/server.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { ApiConfig } from '#src/config.ts'
import { listingLimits } from '#src/domain/listing.ts'
import { createStorage } from '#src/infra/images/create-storage.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { buildApp } from './app.ts'
import { startGrpc } from './grpc/server.ts'
import { createItemEvents } from './item/item-events.ts'
import { createTermsClient } from './lot-terms/terms-client.ts'

/** Puts the auction API together from its settings; gRPC is served beside it. */
export async function buildApi(
  config: ApiConfig,
  { db, log, registry, lifecycle }: DatabaseContext<Database>,
): Promise<App> {
  const internalSecret = config.INTERNAL_JWT_SECRET
  const grpc = await startGrpc({
    db,
    log,
    registry,
    internalSecret,
    host: config.HOST,
    port: config.GRPC_PORT,
  })
  lifecycle.onStop('grpc', () => grpc.close())
  const bid = createInternalClient({
    service: SERVICE.name,
    target: 'bid',
    baseUrl: config.BID_URL,
    secret: internalSecret,
  })
  return buildApp({
    db,
    events: createItemEvents({ legacyAlias: config.LEGACY_PASCAL_ALIAS }),
    limits: listingLimits(config.MIN_AUCTION_SECONDS, config.BUYOUT_RESERVATIONS),
    autoRelistsMax: config.AUTO_RELISTS_MAX,
    priceDropPercentMax: config.RELIST_PRICE_DROP_MAX_PERCENT,
    publicReadsMaxAgeMs: config.PUBLIC_READS_MAX_AGE_MS,
    categoryCountsMaxAgeMs: config.CATEGORY_COUNTS_MAX_AGE_MS,
    isSellerRoleRequired: config.REQUIRE_SELLER_ROLE,
    images: createStorage(config),
    terms: createTermsClient(bid),
    auth: {
      issuer: config.JWT_ISSUER,
      jwks: createJwksCache(config.JWKS_URL, log),
      internalSecret,
    },
    log,
    registry,
  })
}
