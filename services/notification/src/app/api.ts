import { createJwksCache } from '@auction/common/http/jwks.ts'
import type { App } from '@auction/common/http/server.ts'
import { readTrustedProxies } from '@auction/common/http/trusted-proxies.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import { type ApiConfig, outgoingRules, vapidKeys, webhookBox } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { buildApp } from './app.ts'
import { liveRoutes } from './live/routes.ts'
import { startLive } from './live/start-live.ts'
import { returnKey } from './mail/return-key.ts'
import { unsubscribeKey } from './mail/unsubscribe-url.ts'

/** Puts the notification API together from its settings. */
export async function buildApi(
  config: ApiConfig,
  context: DatabaseContext<Database>,
): Promise<App> {
  const { db, log, registry } = context
  const app = await buildApp({
    db,
    auth: {
      issuer: config.JWT_ISSUER,
      jwks: createJwksCache(config.JWKS_URL, log),
      internalSecret: config.INTERNAL_JWT_SECRET,
    },
    unsubscribeKey: unsubscribeKey(config),
    publicUrl: config.PUBLIC_URL,
    returnKey: returnKey(config),
    reportSecret: config.MAIL_REPORT_SECRET,
    pushKey: vapidKeys(config)?.publicKey,
    webhooks: { box: webhookBox(config), rules: outgoingRules(config) },
    trustedProxies: readTrustedProxies(config.TRUSTED_PROXIES),
    log,
    registry,
  })
  await liveRoutes(app, await startLive(config, context))
  return app
}
