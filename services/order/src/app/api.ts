import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createJwksCache } from '@auction/common/http/jwks.ts'
import type { App } from '@auction/common/http/server.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import { createSecretBox } from '@auction/common/secret-box.ts'
import { type ApiConfig, orderSettings } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { buildApp } from './app.ts'

/** Puts the order API together from its settings. */
export function buildApi(
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
    settings: orderSettings(config),
    lots: createInternalClient({
      service: SERVICE.name,
      target: 'bid',
      baseUrl: config.BID_URL,
      secret: config.INTERNAL_JWT_SECRET,
    }),
    box: createSecretBox(config.ORDER_SEAL_KEY, config.ORDER_SEAL_KEY_OTHER, 'ORDER_SEAL_KEY'),
    log,
    registry,
  })
}
