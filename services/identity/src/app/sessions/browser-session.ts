import { isFromOwnPage, isUnsafe } from '@auction/common/http/same-origin.ts'
import type { App } from '@auction/common/http/server.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Pool } from 'pg'
import type { IdentityMetrics } from '#src/app/metrics/identity-metrics.ts'
import { identityErrors } from '#src/errors.ts'
import { digestOf, randomSecret } from '#src/infra/crypto/secrets.ts'
import {
  type CookieSession,
  type KeptCookie,
  type LiveSession,
  readCookieSessions,
  touchCookieSessions,
} from '#src/infra/postgres/sessions/sessions.ts'
import { createBatchedRead } from './batched-read.ts'
import type { CookieRenewal } from './renew-cookie.ts'
import { createSessionCookie, type SessionCookie } from './session-cookie.ts'

const BROWSER = Symbol('browser session')

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The gateway asks this route about another request, whose method it says beside. */
    isAskedByGateway?: boolean
  }
  interface FastifyRequest {
    /** The session that the cookie of the request names, as the database had it; else null. */
    readonly browserSession: CookieSession | null
    [BROWSER]: CookieSession | null
  }
}

export interface BrowserSessionDependencies {
  pool: Pool
  publicUrl: string
  metrics: IdentityMetrics
}

/** What routes do with the cookie of a browser. */
export interface BrowserSessions {
  cookie: SessionCookie
  /** Puts a token for the cookie where a bearer token is looked for. */
  beforeToken(request: FastifyRequest): Promise<void>
  /** Refuses what another site made a browser send. */
  requireOwnPage(request: FastifyRequest): void
  /** The session that the cookie of the request names at this moment; it may have another by now. */
  readAgain(found: CookieSession): Promise<CookieSession | undefined>
  /**
   * For a change of what a session is trusted with: the cookie that it has afterwards. Undefined
   * when the session has none.
   */
  renewalFor(request: FastifyRequest): CookieRenewal | undefined
  /** Gives the browser the cookie that a change brought. */
  giveRenewed(
    reply: FastifyReply,
    renewal: CookieRenewal | undefined,
    kept: KeptCookie | undefined,
  ): void
}

/**
 * The sessions of browsers. A cookie is looked up at every request. When it is unknown the request
 * is one without a user; the cookie is not cleared then, because the answer might overtake one that
 * brings the next cookie.
 */
export function createBrowserSessions(
  { pool, publicUrl, metrics }: BrowserSessionDependencies,
  tokenFor: (session: LiveSession) => string,
): BrowserSessions {
  const cookie = createSessionCookie(publicUrl)
  const read = createBatchedRead<CookieSession>(async (digests) => {
    const sessions = await readCookieSessions(
      pool,
      digests.map((digest) => Buffer.from(digest, 'base64')),
    )
    const used = sessions.filter(({ isTouchDue }) => isTouchDue).map(({ sessionId }) => sessionId)
    if (used.length > 0) await touchCookieSessions(pool, used)
    return new Map(sessions.map((found) => [found.cookieDigest.toString('base64'), found]))
  })

  const requireOwnPage = ({ headers }: FastifyRequest) => {
    if (isFromOwnPage(headers, publicUrl)) return
    metrics.cookieRequest('cross_site')
    throw identityErrors.crossSite()
  }

  return {
    cookie,
    requireOwnPage,
    async beforeToken(request) {
      const { headers } = request
      const secret = cookie.secretIn(headers.cookie)
      if (secret === undefined) return
      if (secret === 'ambiguous') {
        metrics.cookieRequest('ambiguous')
        const isForVisitors = request.routeOptions.config.auth === 'optional'
        if (!isForVisitors || headers.authorization !== undefined)
          throw identityErrors.unauthenticated()
        // Another program of the host must not lock the user out of every page.
        if (isUnsafe(methodOf(request))) requireOwnPage(request)
        return
      }
      const session = await read(digestOf(secret).toString('base64'))
      if (session === undefined) return metrics.cookieRequest('unknown')
      request[BROWSER] = session
      // A bearer token wins; no page of another site can make a browser send one.
      if (headers.authorization !== undefined) return
      if (isUnsafe(methodOf(request))) requireOwnPage(request)
      metrics.cookieRequest('accepted')
      headers.authorization = `Bearer ${tokenFor(session)}`
    },
    readAgain: ({ cookieDigest }) => read(cookieDigest.toString('base64')),
    renewalFor({ browserSession, session }) {
      const own = cookieOfSession(browserSession, session)
      if (own === undefined) return undefined
      const secret = randomSecret()
      return { secret, change: { from: own.cookieDigest, to: digestOf(secret) } }
    },
    giveRenewed(reply, renewal, kept) {
      if (renewal !== undefined && kept !== undefined) cookie.give(reply, renewal.secret, kept)
    },
  }
}

/**
 * The cookie of a session, when the request has it. A session of a browser counts by its cookie
 * alone where the proof of its user matters: its token may have been made under an old name.
 */
export function cookieOfSession(
  browserSession: CookieSession | null,
  { sessionId, hasCookie }: Pick<LiveSession, 'sessionId' | 'hasCookie'>,
): CookieSession | undefined {
  if (browserSession?.sessionId === sessionId) return browserSession
  if (hasCookie) throw identityErrors.unauthenticated()
  return undefined
}

/** Declares `request.browserSession`. */
export function declareBrowserSession(app: App): void {
  app.decorateRequest(BROWSER, null)
  app.decorateRequest('browserSession', {
    getter(this: FastifyRequest) {
      return this[BROWSER]
    },
  })
}

/**
 * That of the request that the gateway asks about; no client can send this header through it.
 * Elsewhere the header says nothing.
 */
function methodOf({ headers, method, routeOptions }: FastifyRequest): string {
  const asked = headers['x-forwarded-method']
  const isAsked = routeOptions.config.isAskedByGateway === true && typeof asked === 'string'
  return isAsked ? asked : method
}
