import { newId } from '@auction/common/ids.ts'
import type { Transaction } from 'kysely'
import type { Throttle } from '#src/app/throttling/throttle.ts'
import type { Visitor } from '#src/app/visitors/visitor.ts'
import type { AuthenticationMethod } from '#src/domain/fresh-proof.ts'
import { digestOf, randomSecret } from '#src/infra/crypto/secrets.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { insertRefreshToken } from '#src/infra/postgres/sessions/refresh-tokens.ts'
import {
  insertSession,
  type KeptCookie,
  revokeCookieSession,
} from '#src/infra/postgres/sessions/sessions.ts'
import { findOrigin, rememberOrigins } from '#src/infra/postgres/visitors/known-origins.ts'

export interface SessionStart {
  userId: string
  visitor: Visitor
  methods: readonly AuthenticationMethod[]
  transport: Transport
}

/**
 * How a client proves later that a session is its own: by a refresh token, or by a cookie that no
 * script can read. A browser that logs in again has another session afterwards, and only that.
 */
export type Transport =
  | { kind: 'token' }
  | { kind: 'cookie'; isRemembered: boolean; replaces: Buffer | undefined }

export interface StartedSession {
  sessionId: string
  credential: Credential
  /** For the browser to keep: it shows that this account was logged in to from there. */
  deviceToken: string
  authenticatedAt: Date
  methods: readonly AuthenticationMethod[]
}

/** What the client is given for its session. */
export type Credential =
  | { kind: 'token'; refreshToken: string }
  | { kind: 'cookie'; secret: string; kept: KeptCookie }

/** Starts a session by what was just proved. Whatever a client brought along names no new session. */
export async function startSession(
  tx: Transaction<Database>,
  throttle: Throttle,
  { userId, visitor, methods, transport }: SessionStart,
): Promise<StartedSession> {
  const sessionId = newId()
  const secret = randomSecret()
  const { device, address } = visitor
  const session = { id: sessionId, userId, device, address, methods }
  const deviceToken = await rememberVisitor(tx, throttle, userId, visitor)
  if (transport.kind === 'token') {
    const { authenticatedAt } = await insertSession(tx, session)
    await insertRefreshToken(tx, digestOf(secret), sessionId)
    const credential = { kind: 'token', refreshToken: secret } as const
    return { sessionId, credential, deviceToken, authenticatedAt, methods }
  }
  const { isRemembered, replaces } = transport
  if (replaces !== undefined) await revokeCookieSession(tx, replaces, 'logged_in_again')
  const cookie = { digest: digestOf(secret), isRemembered }
  const { authenticatedAt, secondsLeft } = await insertSession(tx, { ...session, cookie })
  const credential = { kind: 'cookie', secret, kept: { isRemembered, secondsLeft } } as const
  return { sessionId, credential, deviceToken, authenticatedAt, methods }
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
