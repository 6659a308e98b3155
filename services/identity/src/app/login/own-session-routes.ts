import { answers, Instant, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import type { BrowserSessions } from '#src/app/sessions/browser-session.ts'
import { identityErrors } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  readSessionsOfUser,
  revokeOwnSession,
  revokeSessionsOfUser,
} from '#src/infra/postgres/sessions/sessions.ts'
import { lockSessionUser } from '#src/infra/postgres/users/users.ts'

const SessionList = Type.Object(
  {
    sessions: Type.Array(
      Type.Object({
        id: Uuid,
        device: Type.Union([Type.String(), Type.Null()]),
        address: Type.Union([Type.String(), Type.Null()]),
        createdAt: Instant,
        lastSeenAt: Instant,
        current: Type.Boolean(),
      }),
    ),
  },
  { title: 'SessionList' },
)

/** The sessions of the caller: listing them, ending one, ending all. */
export async function ownSessionRoutes(
  app: App,
  { db, browserSessions }: { db: Kysely<Database>; browserSessions: BrowserSessions },
): Promise<void> {
  const schema = { tags: ['sessions'] }

  app.get(
    '/identity/sessions',
    {
      config: { auth: 'bearer', access: 'own', session: 'live' },
      schema: {
        ...schema,
        operationId: 'listSessions',
        summary: 'Your sessions',
        response: answers({ 200: SessionList }),
      },
    },
    async (request, reply) => {
      const { id: userId, sessionId } = request.session
      const sessions = await readSessionsOfUser(db, userId)
      reply.header('cache-control', 'no-store')
      return {
        sessions: sessions.map(({ id, device, address, createdAt, lastSeenAt }) => ({
          id,
          device,
          address,
          createdAt: createdAt.toISOString(),
          lastSeenAt: lastSeenAt.toISOString(),
          current: id === sessionId,
        })),
      }
    },
  )

  app.delete(
    '/identity/sessions/:id',
    {
      config: { auth: 'bearer', access: 'owner', session: 'live' },
      schema: {
        ...schema,
        operationId: 'endSession',
        summary: 'End one of your sessions',
        params: Type.Object({ id: Uuid }),
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      const { id: userId } = request.session
      const isEnded = await revokeOwnSession(db, request.params.id, userId)
      if (!isEnded) throw identityErrors.sessionNotFound()
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/identity/logout/everywhere',
    {
      config: { auth: 'bearer', access: 'own', session: 'live' },
      schema: {
        ...schema,
        operationId: 'logOutEverywhere',
        summary: 'End all your sessions, this one too',
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      const { session } = request
      await db.transaction().execute(async (tx) => {
        const user = await lockSessionUser(tx, session)
        if (user !== undefined) await revokeSessionsOfUser(tx, user.id, 'logout')
      })
      if (request.browserSession !== null) browserSessions.cookie.clear(reply)
      return reply.code(204).send(null)
    },
  )
}
