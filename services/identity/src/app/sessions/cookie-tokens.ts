import type { KeyStore } from '#src/app/keys/key-store.ts'
import { ACCESS_TOKEN_LIFETIME_SECONDS, COOKIE_TOKEN_LEFT_SECONDS } from '#src/domain/lifetimes.ts'
import type { LiveSession } from '#src/infra/postgres/sessions/sessions.ts'
import type { AccessTokens } from './access-token.ts'

const TOKENS_MAX = 20_000
const REUSED_MS = (ACCESS_TOKEN_LIFETIME_SECONDS - COOKIE_TOKEN_LEFT_SECONDS) * 1_000

/**
 * Access tokens for sessions that a cookie names. The same one is given out for some minutes, so
 * that services find it among those they verified already. What it says is compared each time:
 * after a change of roles, of the proof or of the signing key there is a new one at once.
 */
export function createCookieTokens(
  accessTokens: AccessTokens,
  keys: KeyStore,
): (session: LiveSession) => string {
  const given = new Map<string, { content: string; token: string; isOldAtMs: number }>()
  return (session) => {
    const { id, sessionId, email, name, roles, authenticatedAt, methods } = session
    const content = JSON.stringify([
      keys.signingKey().kid,
      ...[id, email, name, roles, authenticatedAt, methods],
    ])
    const known = given.get(sessionId)
    if (known?.content === content && performance.now() < known.isOldAtMs) return known.token
    const token = accessTokens({ ...session, userId: id })
    // A Map iterates in the order of insertion, so the first one is the oldest.
    given.delete(sessionId)
    const [oldest] = given.keys()
    if (given.size >= TOKENS_MAX && oldest !== undefined) given.delete(oldest)
    given.set(sessionId, { content, token, isOldAtMs: performance.now() + REUSED_MS })
    return token
  }
}
