import type { App } from '@auction/common/http/server.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { DONE_WORDS, returnPath } from '#src/domain/return-path.ts'
import { LoginNeededError, UpstreamError } from '#src/infra/http/service-client.ts'
import { withUnread } from './pages/layout.ts'
import { notFoundPage, unavailablePage } from './pages/message-page.ts'
import { type Viewer, viewerOf } from './viewer.ts'

/** A whole page, or where to go on. */
export type PageAnswer =
  | {
      statusCode?: number
      markup: string
      /** What a page of an account shows must not stay in the browser. */
      isSecret?: boolean
    }
  | { to: string }

export type PageHandler = (
  viewer: Viewer,
  request: FastifyRequest,
  /** For the cookies of an answer, and what a page may do besides; the page itself is what is returned. */
  reply: FastifyReply,
) => Promise<PageAnswer>

export interface PageRoutes {
  get(url: string, handler: PageHandler): void
  /** Answers a form: `{ to }` after the deed, or the page with what is wrong. */
  post(url: string, handler: PageHandler, options?: PostOptions): void
}

export interface PostOptions {
  /** For a form with more text in it than other forms may have. */
  bodyLimit?: number
}

/** A form whose service did not answer; its page keeps what was typed. */
export class UnansweredFormError extends Error {
  override readonly name = 'UnansweredFormError'
  readonly markup: string
  constructor(markup: string, options: { cause: UpstreamError }) {
    super(options.cause.message, options)
    this.markup = markup
  }
}

const RETRY_AFTER_SECONDS = 5

/**
 * Registers pages. An absent service becomes the page that apologises, and a session that ended leads to
 * the login and back; a browser is never answered with JSON.
 */
export function createPageRoutes(
  app: App,
  log: Logger,
  countUnread: (authorization: string | undefined) => Promise<number>,
  unreadWaitMs: number,
): PageRoutes {
  const answer = (handler: PageHandler) => async (request: FastifyRequest, reply: FastifyReply) => {
    dropForeignWords(request)
    const viewer = viewerOf(request)
    const isShown = viewer.isLoggedIn && request.method === 'GET'
    const unread = isShown ? countUnread(viewer.authorization).catch(() => undefined) : undefined
    const page = await handler(viewer, request, reply).catch((error: unknown): PageAnswer => {
      if (error instanceof LoginNeededError) return { to: loginFor(viewer, pageOf(request)) }
      const kept = error instanceof UnansweredFormError ? error.markup : undefined
      if (kept === undefined && !(error instanceof UpstreamError)) throw error
      log.warn({ err: error }, 'page could not be filled')
      reply.header('retry-after', RETRY_AFTER_SECONDS)
      return { statusCode: 503, markup: kept ?? unavailablePage(viewer), isSecret: true }
    })
    if ('to' in page) return reply.header('cache-control', 'no-store').redirect(page.to, 303)
    const markup = withUnread(page.markup, viewer, await withinMs(unread, unreadWaitMs))
    return sendMarkup(reply, page.statusCode ?? 200, markup, page.isSecret ?? false)
  }
  const config = { auth: 'public' } as const
  return {
    get(url, handler) {
      app.route({ method: ['GET', 'HEAD'], url, config, handler: answer(handler) })
    },
    post(url, handler, options = {}) {
      app.route({ method: 'POST', url, config, handler: answer(handler), ...options })
    },
  }
}

/**
 * That something was done is said after a form or a script of this site only: anyone can write an address that says
 * so. A browser that does not say where a page was asked from is believed.
 */
function dropForeignWords({ headers, query }: FastifyRequest): void {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin') return
  for (const name of DONE_WORDS) delete (query as Record<string, unknown>)[name]
}

async function withinMs<T>(
  reading: Promise<T> | undefined,
  waitMs: number,
): Promise<T | undefined> {
  if (reading === undefined) return undefined
  const wait = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => wait.resolve(undefined), waitMs)
  const read = await Promise.race([reading, wait.promise])
  clearTimeout(timer)
  return read
}

/**
 * Pages are in the language and the zone of the reader, and say who is logged in. `no-cache` and not `no-store`:
 * with that a browser could not show the page at once when its reader comes back.
 */
export function sendMarkup(
  reply: FastifyReply,
  statusCode: number,
  markup: string,
  isSecret: boolean,
) {
  return reply
    .code(statusCode)
    .headers({
      'cache-control': isSecret ? 'no-store' : 'private, no-cache',
      vary: 'cookie, accept-language',
    })
    .type('text/html; charset=utf-8')
    .send(markup)
}

/** The login, which leads back to a path of this site. */
export const loginFor = (viewer: Viewer, path: string): string =>
  `${viewer.to('/login')}?returnTo=${encodeURIComponent(returnPath(path))}`

export const notFound = (viewer: Viewer): PageAnswer => ({
  statusCode: 404,
  markup: notFoundPage(viewer),
})

/** The page to come back to; of a form, that which it was on. */
function pageOf({ method, originalUrl, headers }: FastifyRequest): string {
  if (method !== 'POST') return originalUrl
  const { referer = '' } = headers
  if (!URL.canParse(referer)) return '/'
  const { pathname, search } = new URL(referer)
  return pathname + search
}
