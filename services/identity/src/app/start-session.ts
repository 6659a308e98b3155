import type { Transaction } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { createRefreshToken, digestOf } from '#src/infra/crypto/refresh-token.ts'
import { insertRefreshToken } from '#src/infra/postgres/refresh-tokens.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { insertSession } from '#src/infra/postgres/sessions.ts'

/** Starts a session with its first refresh token. */
export async function startSession(
  tx: Transaction<Database>,
  userId: string,
  device: string | null,
): Promise<{ sessionId: string; refreshToken: string }> {
  const sessionId = uuidv7()
  const refreshToken = createRefreshToken()
  await insertSession(tx, { id: sessionId, userId, device })
  await insertRefreshToken(tx, digestOf(refreshToken), sessionId)
  return { sessionId, refreshToken }
}
