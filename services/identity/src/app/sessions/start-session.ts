import { newId } from '@auction/common/ids.ts'
import type { Transaction } from 'kysely'
import type { Throttle } from '#src/app/throttling/throttle.ts'
import type { Visitor } from '#src/app/visitors/visitor.ts'
import type { AuthenticationMethod } from '#src/domain/fresh-proof.ts'
import { digestOf, randomSecret } from '#src/infra/crypto/secrets.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { insertRefreshToken } from '#src/infra/postgres/sessions/refresh-tokens.ts'
import { insertSession } from '#src/infra/postgres/sessions/sessions.ts'
import { findOrigin, rememberOrigins } from '#src/infra/postgres/visitors/known-origins.ts'

export interface SessionStart {
  userId: string
  visitor: Visitor
  methods: readonly AuthenticationMethod[]
}

export interface StartedSession {
  sessionId: string
  refreshToken: string
  /** For the browser to keep: it shows that this account was logged in to from there. */
  deviceToken: string
  authenticatedAt: Date
  methods: readonly AuthenticationMethod[]
}

/** Starts a session with its first refresh token, by what was just proved. */
export async function startSession(
  tx: Transaction<Database>,
  throttle: Throttle,
  { userId, visitor, methods }: SessionStart,
): Promise<StartedSession> {
  const sessionId = newId()
  const refreshToken = randomSecret()
  const { device, address } = visitor
  const session = { id: sessionId, userId, device, address, methods }
  const authenticatedAt = await insertSession(tx, session)
  await insertRefreshToken(tx, digestOf(refreshToken), sessionId)
  const deviceToken = await rememberVisitor(tx, throttle, userId, visitor)
  return { sessionId, refreshToken, deviceToken, authenticatedAt, methods }
}

/** A token that is not this account's yet is replaced: a stranger may have put it there. */
async function rememberVisitor(
  tx: Transaction<Database>,
  throttle: Throttle,
  userId: string,
  visitor: Visitor,
): Promise<string> {
  const origin = await findOrigin(tx, userId, throttle.digestsOf(visitor))
  const deviceToken = origin === 'device' ? visitor.deviceToken : randomSecret()
  await rememberOrigins(tx, userId, throttle.digestsOf({ ...visitor, deviceToken }))
  return deviceToken
}
