import type { AuthOptions } from '@auction/common/http/auth.ts'
import { type App, buildServer } from '@auction/common/http/server.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { Kysely } from 'kysely'
import type { Registry } from 'prom-client'
import { inboxRoutes } from '#src/app/inbox/routes.ts'
import { reportRoutes } from '#src/app/mail/report-routes.ts'
import { unsubscribeRoutes } from '#src/app/mail/unsubscribe-routes.ts'
import { preferenceRoutes } from '#src/app/preferences/routes.ts'
import { pushRoutes } from '#src/app/push/routes.ts'
import { deliveryRoutes } from '#src/app/webhooks/delivery-routes.ts'
import { endpointRoutes, type WebhookRouteOptions } from '#src/app/webhooks/endpoint-routes.ts'
import { notificationErrors } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface AppDependencies {
  db: Kysely<Database>
  auth: Pick<AuthOptions, 'issuer' | 'jwks' | 'internalSecret'>
  /** Signs the links that end mails. */
  unsubscribeKey: Buffer
  publicUrl: string
  /** Signs what mails carry to come back with. */
  returnKey: Buffer
  /** Opens the routes of reports of mails; empty: they are off. */
  reportSecret?: string
  webhooks: Omit<WebhookRouteOptions, 'db'>
  /** Addresses and CIDRs whose X-Forwarded-For is believed. */
  trustedProxies?: readonly string[]
  /** Absent: push is off. */
  pushKey?: string | undefined
  log: Logger
  registry: Registry
}

/** The notification API, ready for `listen` or `inject`. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const { db, auth, webhooks, trustedProxies = [], log, registry } = dependencies
  const app = await buildServer({
    service: 'notification',
    log,
    registry,
    trustedProxies,
    auth: { ...auth, unauthenticated: notificationErrors.unauthenticated },
    docs: {
      prefix: '/api/v1/notifications',
      title: 'Notification API',
      description: 'What users are notified of, and how they want that; webhooks and live prices.',
      tags: {
        notifications: 'The inbox of the caller.',
        preferences: 'How the caller wants to be notified.',
        push: 'Browsers that show notices.',
        webhooks: 'Addresses of programs to which events are posted, and the log of that.',
        mail: 'What mail servers report.',
        live: 'Prices as they happen.',
      },
    },
  })
  await inboxRoutes(app, { db })
  await preferenceRoutes(app, { db })
  await unsubscribeRoutes(app, dependencies)
  await reportRoutes(app, { reportSecret: '', ...dependencies })
  await endpointRoutes(app, { db, ...webhooks })
  await deliveryRoutes(app, { db })
  await pushRoutes(app, { db, rules: webhooks.rules, publicKey: dependencies.pushKey })
  return app
}
