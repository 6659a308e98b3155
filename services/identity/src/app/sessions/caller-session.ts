import type { App } from '@auction/common/http/server.ts'
import type { FastifyRequest } from 'fastify'
import type { LiveSession } from '#src/infra/postgres/sessions/sessions.ts'
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

/**
 * Reads the session of the caller before the handler runs. The check runs after the body is
 * validated, so that a malformed request is answered 400 to every caller alike.
 */
export function enforceSessions(app: App, checkSession: SessionCheck): void {
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
    if (rule === undefined || rule === 'unchecked') return
    try {
      const session = await checkSession(request.user)
      if (rule === 'proven') requireFreshProof(session)
      request[SESSION] = session
    } catch (error) {
      // A refusal is of this session at this moment, and no cache may give it to a later one.
      reply.header('cache-control', 'no-store')
      throw error
    }
  })
}
