import type { App } from '@auction/common/http/server.ts'
import { UUID } from '@auction/common/ids.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { FastifyReply } from 'fastify'
import { lotPage } from '#src/app/pages/lot-page.ts'
import { LISTED, lotsPage } from '#src/app/pages/lots-page.ts'
import { notFoundPage, unavailablePage } from '#src/app/pages/message-page.ts'
import { type Upstream, UpstreamError } from '#src/infra/http/upstream.ts'

const PAGE_SIZE = 24
const PAGE_MAX = 10_000
const RETRY_AFTER_SECONDS = 5
const METHODS = ['GET', 'HEAD']
const PUBLIC = { auth: 'public' } as const

interface Page {
  statusCode: number
  markup: string
}

/** The pages a browser sees. Bad addresses and absent services get a page too, never JSON. */
export async function pageRoutes(
  app: App,
  { upstream, log }: { upstream: Upstream; log: Logger },
): Promise<void> {
  const answer = async (reply: FastifyReply, page: Promise<Page>) => {
    const { statusCode, markup } = await page.catch((error: unknown) => {
      if (!(error instanceof UpstreamError)) throw error
      log.warn({ err: error }, 'page could not be filled')
      reply.header('retry-after', RETRY_AFTER_SECONDS)
      return { statusCode: 503, markup: unavailablePage() }
    })
    reply.code(statusCode).header('cache-control', 'no-store').type('text/html; charset=utf-8')
    return reply.send(markup)
  }
  app.route<{ Querystring: Record<string, unknown> }>({
    method: METHODS,
    url: '/',
    config: PUBLIC,
    handler: ({ query }, reply) => answer(reply, readLots(upstream, query)),
  })
  app.route<{ Params: { itemId: string } }>({
    method: METHODS,
    url: '/lots/:itemId',
    config: PUBLIC,
    handler: ({ params }, reply) => answer(reply, readLot(upstream, params.itemId)),
  })
  app.route({
    method: METHODS,
    url: '/*',
    config: PUBLIC,
    handler: (_request, reply) => answer(reply, Promise.resolve(notFound())),
  })
}

async function readLots(upstream: Upstream, query: Record<string, unknown>): Promise<Page> {
  const status = query.status ?? 'active'
  const page = query.page ?? '1'
  // hasOwn, because "constructor" is no status.
  if (typeof status !== 'string' || !Object.hasOwn(LISTED, status)) return notFound()
  if (typeof page !== 'string' || !/^[1-9]\d{0,4}$/.test(page) || Number(page) > PAGE_MAX) {
    return notFound()
  }
  // What ends next comes first; of what is over, what ended last.
  const sort = status === 'active' || status === 'scheduled' ? 'endDate' : '-endDate'
  const list = await upstream.listItems({ status, page: Number(page), limit: PAGE_SIZE, sort })
  return { statusCode: 200, markup: lotsPage(status, list) }
}

async function readLot(upstream: Upstream, itemId: string): Promise<Page> {
  if (!UUID.test(itemId)) return notFound()
  const [item, lot, history] = await Promise.all([
    upstream.readItem(itemId),
    upstream.readLot(itemId),
    upstream.readHistory(itemId),
  ])
  if (item === undefined || lot === undefined || history === undefined) return notFound()
  return { statusCode: 200, markup: lotPage(item, lot, history) }
}

function notFound(): Page {
  return { statusCode: 404, markup: notFoundPage() }
}
