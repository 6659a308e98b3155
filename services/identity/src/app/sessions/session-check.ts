import type { Caller } from '@auction/common/http/auth.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import { UUID } from '@auction/common/ids.ts'
import type { Pool } from 'pg'
import { identityErrors } from '#src/errors.ts'
import { type LiveSession, readLiveSessions } from '#src/infra/postgres/sessions/sessions.ts'

const BATCH_MAX = 256
const WAITING_MAX = 5_000

/** The caller's session and user as the database has them now, or identity.unauthenticated. */
export type SessionCheck = (caller: Caller) => Promise<LiveSession>

interface Waiting {
  sessionId: string
  resolve(session: LiveSession | undefined): void
  reject(error: unknown): void
}

/**
 * Asks the database at every call, so a revocation counts at once; nothing is cached. Checks that
 * arrive while a query is under way share the next one, which begins after all of them came: one
 * query for hundreds of calls under load, and no delay without.
 */
export function createSessionCheck(pool: Pool): SessionCheck {
  let waiting: Waiting[] = []
  let isRunning = false

  const drain = async () => {
    isRunning = true
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH_MAX)
      waiting = waiting.slice(BATCH_MAX)
      await answer(pool, batch)
    }
    isRunning = false
  }

  return async (caller) => {
    const { sessionId } = caller
    if (!UUID.test(sessionId)) throw identityErrors.unauthenticated()
    if (waiting.length >= WAITING_MAX) throw serviceUnavailable()
    const session = await new Promise<LiveSession | undefined>((resolve, reject) => {
      waiting.push({ sessionId, resolve, reject })
      if (!isRunning) void drain()
    })
    if (session === undefined || session.id !== caller.id) throw identityErrors.unauthenticated()
    return session
  }
}

async function answer(pool: Pool, batch: readonly Waiting[]): Promise<void> {
  try {
    const ids = [...new Set(batch.map((entry) => entry.sessionId))]
    const sessions = await readLiveSessions(pool, ids)
    const byId = new Map(sessions.map((session) => [session.sessionId, session]))
    for (const { sessionId, resolve } of batch) resolve(byId.get(sessionId))
  } catch (error) {
    for (const { reject } of batch) reject(error)
  }
}
