import type { Logger } from '@auction/common/process/logger.ts'
import type { Kysely, Transaction } from 'kysely'
import type { IdentityMetrics } from '#src/app/metrics/identity-metrics.ts'
import type { AccessTokens } from '#src/app/sessions/access-token.ts'
import { judgeRefresh, type RefreshVerdict } from '#src/domain/refresh.ts'
import { identityErrors } from '#src/errors.ts'
import { digestOf, successorOf } from '#src/infra/crypto/secrets.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  insertRefreshToken,
  type LockedRefreshToken,
  lockRefreshToken,
  markUsed,
} from '#src/infra/postgres/sessions/refresh-tokens.ts'
import { revokeSession, touchSession } from '#src/infra/postgres/sessions/sessions.ts'
import type { Tokens } from './log-in.ts'

export interface RefreshDependencies {
  db: Kysely<Database>
  accessTokens: AccessTokens
  /** Makes successors; derived from KEY_ENCRYPTION_KEY, never stored. */
  successorKey: Buffer
  metrics: IdentityMetrics
  log: Logger
}

/**
 * Exchanges a refresh token for an access token and the next refresh token. A replay after the
 * grace ends the session: the thief and the owner both log in again, and only one of them can.
 */
export async function refreshSession(
  deps: RefreshDependencies,
  presented: string,
): Promise<Tokens> {
  const refreshToken = successorOf(presented, deps.successorKey)
  // The verdict leaves the transaction instead of an error, because a revocation must be committed.
  const { verdict, token } = await deps.db.transaction().execute(async (tx) => {
    const locked = await lockRefreshToken(tx, digestOf(presented))
    if (locked === undefined) return { verdict: 'refused' as const, token: undefined }
    const judged = judgeRefresh(locked)
    await apply(tx, judged, locked, digestOf(presented), digestOf(refreshToken))
    return { verdict: judged, token: locked }
  })
  deps.metrics.refreshed(verdict)
  if (verdict === 'replayed') {
    deps.log.warn(
      { userId: token?.userId, sessionId: token?.sessionId },
      'refresh token replayed, session revoked',
    )
  }
  if (token === undefined || verdict === 'refused' || verdict === 'replayed') {
    throw identityErrors.invalidRefreshToken()
  }
  return { token: deps.accessTokens(token), refreshToken }
}

async function apply(
  tx: Transaction<Database>,
  verdict: RefreshVerdict,
  { sessionId }: LockedRefreshToken,
  digest: Buffer,
  successorDigest: Buffer,
): Promise<void> {
  switch (verdict) {
    case 'refused':
    case 'repeat':
      return
    case 'replayed':
      return revokeSession(tx, sessionId, 'refresh_token_replayed')
    case 'rotate':
      await markUsed(tx, digest)
      await insertRefreshToken(tx, successorDigest, sessionId)
      await touchSession(tx, sessionId)
  }
}
