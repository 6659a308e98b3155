import type { AuthOptions } from '@auction/common/http/auth.ts'
import { type App, buildServer } from '@auction/common/http/server.ts'
import { createSharedAnswers } from '@auction/common/http/shared-answers.ts'
import { UPLOAD_TIMEOUT_MS } from '@auction/common/http/slow-bodies.ts'
import type { Registry } from 'prom-client'
import { flagRoutes } from '#src/app/bidder-review/routes.ts'
import { attributeRoutes } from '#src/app/catalogue/attribute-routes.ts'
import { categoryRoutes } from '#src/app/catalogue/category-routes.ts'
import { commentRoutes } from '#src/app/comments/routes.ts'
import { imageRoutes } from '#src/app/images/image-routes.ts'
import { itemSummaryRoutes } from '#src/app/item/summary-routes.ts'
import { itemRoutes } from '#src/app/listing/item-routes.ts'
import { myItemRoutes } from '#src/app/listing/my-item-routes.ts'
import type { PublishDependencies } from '#src/app/listing/publish-item.ts'
import { withdrawRoutes } from '#src/app/listing/withdrawal-routes.ts'
import { internalRoutes } from '#src/app/lot-terms/internal-routes.ts'
import { moderationRoutes } from '#src/app/moderation/moderation-routes.ts'
import { reportRoutes } from '#src/app/moderation/report-routes.ts'
import { createRelistMetrics } from '#src/app/relisting/metrics.ts'
import { relistRoutes } from '#src/app/relisting/routes.ts'
import { savedSearchRoutes } from '#src/app/saved-searches/routes.ts'
import { searchRoutes } from '#src/app/search/routes.ts'
import { csvRoutes } from '#src/app/spreadsheets/routes.ts'
import { watchRoutes } from '#src/app/watchlist/routes.ts'
import { itemErrors } from '#src/errors.ts'
import type { ImageStorage } from '#src/infra/images/image-storage.ts'
import { createRenderImage } from '#src/infra/images/render-image.ts'

export interface AppDependencies extends PublishDependencies {
  auth: Pick<AuthOptions, 'issuer' | 'jwks' | 'internalSecret'>
  registry: Registry
  images: ImageStorage
  /** What sellers may choose of automatic relists. */
  autoRelistsMax: number
  priceDropPercentMax: number
  /** How old an answer to callers without a token may be. */
  publicReadsMaxAgeMs: number
  categoryCountsMaxAgeMs: number
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
      tags: {
        items: 'Items for sale: drafts, publication, changes and withdrawal.',
        search: 'Finding items, and searches that are saved.',
        watchlist: 'Items that a user watches.',
        attributes: 'Attributes and categories of an item.',
        categories: 'The tree of categories.',
        comments: 'Comments, questions and answers under an item.',
        images: 'Pictures of an item.',
        moderation: 'Reports, and what moderators decide.',
      },
    },
    // Room for a description of 10,000 characters of four bytes, and the other fields.
    bodyLimitBytes: 64 * 1024,
    uploadTimeoutMs: UPLOAD_TIMEOUT_MS,
  })
  const cursors = { db: dependencies.db, secret: dependencies.auth.internalSecret }
  const shared = createSharedAnswers(dependencies.publicReadsMaxAgeMs)
  await itemRoutes(app, { ...dependencies, ...cursors, shared })
  await searchRoutes(app, cursors)
  await savedSearchRoutes(app, dependencies)
  await watchRoutes(app, cursors)
  await withdrawRoutes(app, dependencies)
  await relistRoutes(app, { ...dependencies, observe: createRelistMetrics(dependencies.registry) })
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
  await itemSummaryRoutes(app, dependencies)
  return app
}
