import type { Caller } from '@auction/common/http/auth.ts'
import type { App } from '@auction/common/http/server.ts'
import type { FastifyRequest } from 'fastify'
import type { IdentityMetrics } from '#src/app/metrics/identity-metrics.ts'
import { identityErrors } from '#src/errors.ts'
import type { LiveSession } from '#src/infra/postgres/sessions/sessions.ts'
import { type BrowserSessions, cookieOfSession, declareBrowserSession } from './browser-session.ts'
import { requireFreshProof } from './require-fresh-proof.ts'
import type { SessionCheck } from './session-check.ts'

const SESSION = Symbol('session')

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * What a `bearer` route asks of the session that the token names; every such route declares it,
     * or the boot stops. `live` = it has not ended and its account is active, as the database says
     * now; `proven` = live, and its owner proved a short time ago who they are; `unchecked` = a
     * valid token is enough.
     */
    session?: 'live' | 'proven' | 'unchecked'
  }
  interface FastifyRequest {
    /** The caller's session on a `live` or `proven` route; read on any other route it throws. */
    readonly session: LiveSession
    [SESSION]: LiveSession | null
  }
}

export interface EnforceSessionsDependencies {
  checkSession: SessionCheck
  browserSessions: Pick<BrowserSessions, 'readAgain'>
  metrics: Pick<IdentityMetrics, 'cookieRequest'>
}

/**
 * Reads the session of the caller before the handler runs. The check runs after the body is
 * validated, so that a malformed request is answered 400 to every caller alike.
 */
export function enforceSessions(
  app: App,
  { checkSession, browserSessions, metrics }: EnforceSessionsDependencies,
): void {
  declareBrowserSession(app)
  app.decorateRequest(SESSION, null)
  app.decorateRequest('session', {
    getter(this: FastifyRequest) {
      const session = this[SESSION]
      if (session !== null) return session
      const { method, url } = this.routeOptions
      throw new Error(`${String(method)} ${url} reads request.session but does not ask for one`)
    },
  })
  app.addHook('onRoute', ({ method, url, config }) => {
    if ((config?.auth === 'bearer') === (config?.session !== undefined)) return
    throw new Error(`route ${String(method)} ${url}: bearer routes, and no others, declare session`)
  })
  app.addHook('preHandler', async (request, reply) => {
    const rule = request.routeOptions.config.session
    if (rule === undefined) return
    try {
      requireOneUser(request, request.user, metrics)
      if (rule === 'unchecked') return
      const session = await sessionOf(request, checkSession, browserSessions)
      if (rule === 'proven') {
        cookieOfSession(request.browserSession, session)
        requireFreshProof(session)
      }
      request[SESSION] = session
    } catch (error) {
      // A refusal is of this session at this moment, and no cache may give it to a later one.
      reply.header('cache-control', 'no-store')
      throw error
    }
  })
}

/** Refuses a token of one user beside the cookie of another: it is unclear who that is. */
export function requireOneUser(
  { browserSession }: FastifyRequest,
  { id }: Pick<Caller, 'id'>,
  metrics: Pick<IdentityMetrics, 'cookieRequest'>,
): void {
  if (browserSession === null || browserSession.id === id) return
  metrics.cookieRequest('mismatch')
  throw identityErrors.unauthenticated()
}

/**
 * What was read for the cookie a moment ago counts, unless a body was waited for since. Then it is
 * read again by the cookie, not by the session: that may have another name by now, and what was
 * proved for the new one is not proved by who sent the old one.
 */
async function sessionOf(
  { browserSession, user, method }: FastifyRequest,
  checkSession: SessionCheck,
  { readAgain }: Pick<BrowserSessions, 'readAgain'>,
): Promise<LiveSession> {
  if (browserSession?.sessionId !== user.sessionId) return checkSession(user)
  if (method === 'GET') return browserSession
  const session = await readAgain(browserSession)
  if (session?.sessionId !== user.sessionId) throw identityErrors.unauthenticated()
  return session
}
