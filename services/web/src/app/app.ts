import { type App, buildServer } from '@auction/common/http/server.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { Registry } from 'prom-client'
import { createUpstream } from '#src/infra/http/upstream.ts'
import { accountRoutes } from './routes/account.ts'
import { assetRoutes } from './routes/assets.ts'
import { eventRoutes } from './routes/events.ts'
import { pageRoutes } from './routes/pages.ts'

export interface AppDependencies {
  auctionUrl: string
  bidUrl: string
  log: Logger
  registry: Registry
}

/** Pages load nothing from elsewhere, run nothing inline, and no other page may frame them. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
}

/** The pages, ready for `listen` or `inject`. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const { auctionUrl, bidUrl, log, registry } = dependencies
  const app = await buildServer({ service: 'web', log, registry })
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS)
    done()
  })
  await assetRoutes(app)
  await accountRoutes(app)
  await eventRoutes(app)
  await pageRoutes(app, { upstream: createUpstream(auctionUrl, bidUrl), log })
  return app
}
