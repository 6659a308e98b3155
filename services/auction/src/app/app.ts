import type { AuthOptions } from '@auction/common/http/auth.ts'
import { type App, buildServer } from '@auction/common/http/server.ts'
import { createSharedAnswers } from '@auction/common/http/shared-answers.ts'
import type { Registry } from 'prom-client'
import { itemErrors } from '#src/errors.ts'
import { createRenderImage } from '#src/infra/sharp/render-image.ts'
import type { ImageStorage } from '#src/infra/storage/image-storage.ts'
import type { PublishDependencies } from './publish-item.ts'
import { attributeRoutes } from './routes/attributes.ts'
import { categoryRoutes } from './routes/categories.ts'
import { commentRoutes } from './routes/comments.ts'
import { csvRoutes } from './routes/csv.ts'
import { flagRoutes } from './routes/flags.ts'
import { imageRoutes } from './routes/images.ts'
import { internalRoutes } from './routes/internal.ts'
import { itemRoutes } from './routes/items.ts'
import { moderationRoutes } from './routes/moderation.ts'
import { myItemRoutes } from './routes/my-items.ts'
import { reportRoutes } from './routes/reports.ts'
import { savedSearchRoutes } from './routes/saved-searches.ts'
import { searchRoutes } from './routes/search.ts'
import { watchRoutes } from './routes/watches.ts'
import { withdrawRoutes } from './routes/withdrawals.ts'

export interface AppDependencies extends PublishDependencies {
  auth: Pick<AuthOptions, 'issuer' | 'jwks' | 'internalSecret'>
  registry: Registry
  images: ImageStorage
  /** How old what everybody sees may be. */
  publicReadsMaxAgeMs: number
}

/** The auction API, ready for `listen` or `inject`. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const app = await buildServer({
    service: 'auction',
    log: dependencies.log,
    registry: dependencies.registry,
    auth: { ...dependencies.auth, unauthenticated: itemErrors.unauthenticated },
    docs: {
      prefix: '/api/v1/items',
      title: 'Auction API',
      description: 'Items for sale by auction: drafts, publication, and the state of the bidding.',
    },
    // A description of 10,000 characters of four bytes, and the other fields.
    bodyLimitBytes: 64 * 1024,
  })
  const cursors = { db: dependencies.db, secret: dependencies.auth.internalSecret }
  const shared = createSharedAnswers(dependencies.publicReadsMaxAgeMs)
  await itemRoutes(app, { ...dependencies, ...cursors, shared })
  await searchRoutes(app, cursors)
  await savedSearchRoutes(app, dependencies)
  await watchRoutes(app, cursors)
  await withdrawRoutes(app, dependencies)
  await myItemRoutes(app, cursors)
  await attributeRoutes(app, dependencies)
  await categoryRoutes(app, dependencies)
  await commentRoutes(app, dependencies)
  await imageRoutes(app, { ...dependencies, render: createRenderImage() })
  await csvRoutes(app, dependencies)
  await reportRoutes(app, dependencies)
  await moderationRoutes(app, dependencies)
  await flagRoutes(app, dependencies)
  await internalRoutes(app, dependencies)
  return app
}
