import type { App } from '@auction/common/http/server.ts'
import { notFound, type PageRoutes } from '#src/app/page-routes.ts'
import {
  developersPage,
  feesPage,
  HELP_TOPICS,
  helpPage,
  statusPage,
  termsPage,
  topicPage,
} from '#src/app/pages/info-page.ts'
import { createSharedPages } from '#src/app/shared-pages.ts'
import { createSitemap } from '#src/app/sitemap.ts'
import type { Catalogue } from '#src/infra/http/catalogue.ts'
import type { FeeView, ServiceStates } from '#src/infra/http/help.ts'
import { orAway, UpstreamError } from '#src/infra/http/service-client.ts'

export interface InfoOptions {
  catalogue: Catalogue
  readFees: () => Promise<FeeView[]>
  readStatus: () => Promise<ServiceStates>
  sharedMs: number
}

/** Help, fees, terms, the state of the services, and where the APIs are. */
export function infoRoutes(pages: PageRoutes, options: InfoOptions): void {
  const { catalogue, readFees, readStatus } = options
  const shared = createSharedPages(options.sharedMs)
  pages.get('/help', async (viewer) => ({ markup: helpPage(viewer) }))
  // Where an address list of topics would look for it.
  pages.get('/help/fees', async (viewer) => ({ to: viewer.to('/fees') }))
  pages.get('/help/:topic', async (viewer, { params }) => {
    const asked = (params as { topic: string }).topic
    const topic = HELP_TOPICS.find((each) => each === asked)
    return topic === undefined ? notFound(viewer) : { markup: topicPage(viewer, topic) }
  })
  pages.get('/terms', async (viewer) => ({ markup: termsPage(viewer) }))
  pages.get('/fees', (asked) =>
    shared.of(asked, {}, async (viewer) => {
      const [rates, categories] = await Promise.all([
        orAway(readFees()),
        orAway(catalogue.readCategories()),
      ])
      const named = categories === 'away' ? [] : categories
      const names = new Map(named.map(({ id, name }) => [id, name]))
      // Without names the rates of categories would be missing, and the list be wrong.
      const isWhole = rates !== 'away' && (categories !== 'away' || rates.every(isForAll))
      return { markup: feesPage(viewer, isWhole ? rates : 'away', names) }
    }),
  )
  pages.get('/status', async (viewer) => ({ markup: statusPage(viewer, await readStatus()) }))
  pages.get('/developers', async (viewer) => ({ markup: developersPage(viewer) }))
}

const isForAll = ({ categoryId }: FeeView) => categoryId === undefined

/** Of a user, or without an end: search engines have nothing to do there. */
const UNREAD = [
  '/account',
  '/login',
  '/register',
  '/my/',
  '/notifications',
  '/sell/',
  '/search',
  '/moderation',
  '/operator',
  '/api',
  '/identity',
]
const ROBOTS_MAX_AGE_SECONDS = 3_600
const SITEMAP_MAX_AGE_SECONDS = 600

/** What search engines ask for. */
export async function robotRoutes(app: App, catalogue: Catalogue): Promise<void> {
  const { publicUrl } = app
  const lines = UNREAD.flatMap((path) => [`Disallow: ${path}`, `Disallow: /*${path}`])
  const robots = ['User-agent: *', ...lines, '', `Sitemap: ${publicUrl}/sitemap.xml`, ''].join('\n')
  const config = { auth: 'public' } as const
  const method = ['GET', 'HEAD']
  app.route({
    method,
    url: '/robots.txt',
    config,
    handler: (_request, reply) =>
      reply
        .header('cache-control', `public, max-age=${ROBOTS_MAX_AGE_SECONDS}`)
        .type('text/plain; charset=utf-8')
        .send(robots),
  })
  const sitemap = createSitemap(catalogue, publicUrl)
  app.route({
    method,
    url: '/sitemap.xml',
    config,
    handler: async (request, reply) => {
      try {
        const text = await sitemap()
        return await reply
          .header('cache-control', `public, max-age=${SITEMAP_MAX_AGE_SECONDS}`)
          .type('application/xml; charset=utf-8')
          .send(text)
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error
        request.log.warn({ err: error }, 'the sitemap could not be made')
        return reply.code(503).header('retry-after', 60).type('text/plain').send('Try again.\n')
      }
    },
  })
}
