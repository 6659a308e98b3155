import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createJwksCache } from '@auction/common/http/jwks.ts'
import type { App } from '@auction/common/http/server.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import {
  type ApiConfig,
  approvalRulesOf,
  createPayoutProviders,
  createProviders,
  jurisdictionOf,
} from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { buildApp } from './app.ts'
import { createLotClient } from './deposits/lot-client.ts'
import { createOrderClient } from './payments/order-client.ts'

/** Puts the payment API together from its settings. */
export async function buildApi(
  config: ApiConfig,
  { db, log, registry }: DatabaseContext<Database>,
): Promise<App> {
  return buildApp({
    db,
    auth: {
      issuer: config.JWT_ISSUER,
      jwks: createJwksCache(config.JWKS_URL, log),
      internalSecret: config.INTERNAL_JWT_SECRET,
    },
    jurisdiction: jurisdictionOf(config),
    providers: createProviders(config),
    payoutProviders: createPayoutProviders(config),
    orders: createOrderClient(
      createInternalClient({
        service: SERVICE.name,
        target: 'order',
        baseUrl: config.ORDER_URL,
        secret: config.INTERNAL_JWT_SECRET,
      }),
    ),
    approvals: approvalRulesOf(config),
    lots: createLotClient(
      createInternalClient({
        service: SERVICE.name,
        target: 'bid',
        baseUrl: config.BID_URL,
        secret: config.INTERNAL_JWT_SECRET,
      }),
    ),
    publicUrl: config.PUBLIC_URL,
    sellerPercent: config.DEPOSIT_SELLER_PERCENT,
    sessionMinutes: config.PAYMENT_SESSION_MINUTES,
    log,
    registry,
  })
}
