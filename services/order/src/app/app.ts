import type { AuthOptions } from '@auction/common/http/auth.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import { obligationsRoute } from '@auction/common/http/obligations-route.ts'
import { type App, buildServer } from '@auction/common/http/server.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import type { Registry } from 'prom-client'
import type { OrderSettings } from '#src/domain/settings.ts'
import { orderErrors } from '#src/errors.ts'
import { countOpenOrders } from '#src/infra/postgres/orders/obligations.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { cancellationRoutes } from './cancellation/routes.ts'
import { deliveryRoutes } from './delivery/routes.ts'
import { disputeRoutes } from './disputes/routes.ts'
import { orderRoutes } from './orders/routes.ts'
import { payablesRoutes } from './payments/payables-routes.ts'

export interface AppDependencies {
  db: Kysely<Database>
  auth: Pick<AuthOptions, 'issuer' | 'jwks' | 'internalSecret'>
  settings: OrderSettings
  /** The bid service, which sells a reserved lot when its order is paid, and knows whether a unit is still free. */
  lots: InternalClient
  /** Seals addresses. */
  box: SecretBox
  log: Logger
  registry: Registry
}

/** The order API, ready for `listen` or `inject`. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const { db, settings, lots, box, auth, log, registry } = dependencies
  const app = await buildServer({
    service: 'order',
    log,
    registry,
    auth: { ...auth, unauthenticated: orderErrors.unauthenticated },
    docs: {
      prefix: '/api/v1/orders',
      title: 'Order API',
      description: 'What buyers owe sellers, until it is paid, sent and received.',
      tags: {
        orders: 'Orders of the caller, as buyer and as seller.',
        delivery: 'How an order gets to its buyer.',
        disputes: 'When buyer and seller do not agree.',
      },
    },
    // Room for a message of a dispute whose characters are escaped, which makes them three times as long.
    bodyLimitBytes: 32 * 1024,
  })
  await orderRoutes(app, { db, box })
  await deliveryRoutes(app, { db, settings, box })
  await cancellationRoutes(app, { db, settings, lots })
  await disputeRoutes(app, { db, settings })
  await payablesRoutes(app, { db, settings, lots })
  obligationsRoute(app, 'ordering', (userId) => countOpenOrders(db, userId))
  return app
}
