import type { Caller } from '@auction/common/http/auth.ts'
import { UUID } from '@auction/common/ids.ts'
import type { Pool } from 'pg'
import { identityErrors } from '#src/errors.ts'
import { type LiveSession, readLiveSessions } from '#src/infra/postgres/sessions/sessions.ts'
import { createBatchedRead } from './batched-read.ts'

/** The caller's session and user as the database has them now, or identity.unauthenticated. */
export type SessionCheck = (caller: Caller) => Promise<LiveSession>

/** Asks the database at every call, so a revocation counts at once. */
export function createSessionCheck(pool: Pool): SessionCheck {
  const read = createBatchedRead(async (ids) => {
    const sessions = await readLiveSessions(pool, ids)
    return new Map(sessions.map((session) => [session.sessionId, session]))
  })
  return async (caller) => {
    const { sessionId } = caller
    if (!UUID.test(sessionId)) throw identityErrors.unauthenticated()
    const session = await read(sessionId)
    if (session === undefined || session.id !== caller.id) throw identityErrors.unauthenticated()
    return session
  }
}
