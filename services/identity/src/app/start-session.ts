import { newId } from '@auction/common/ids.ts'
import type { Transaction } from 'kysely'
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
  const sessionId = newId()
  const refreshToken = createRefreshToken()
  await insertSession(tx, { id: sessionId, userId, device })
  await insertRefreshToken(tx, digestOf(refreshToken), sessionId)
  return { sessionId, refreshToken }
}
