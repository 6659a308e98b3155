import { newId } from '@auction/common/ids.ts'
import type { Transaction } from 'kysely'
import type { AuthenticationMethod } from '#src/domain/fresh-proof.ts'
import { createRefreshToken, digestOf } from '#src/infra/crypto/refresh-token.ts'
import { insertRefreshToken } from '#src/infra/postgres/refresh-tokens.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { insertSession, type NewSession } from '#src/infra/postgres/sessions.ts'

export interface StartedSession {
  sessionId: string
  refreshToken: string
  authenticatedAt: Date
  methods: readonly AuthenticationMethod[]
}

/** Starts a session with its first refresh token, by what was just proved. */
export async function startSession(
  tx: Transaction<Database>,
  start: Omit<NewSession, 'id'>,
): Promise<StartedSession> {
  const sessionId = newId()
  const refreshToken = createRefreshToken()
  const authenticatedAt = await insertSession(tx, { ...start, id: sessionId })
  await insertRefreshToken(tx, digestOf(refreshToken), sessionId)
  return { sessionId, refreshToken, authenticatedAt, methods: start.methods }
}
