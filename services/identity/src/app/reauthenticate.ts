import type { AuthenticationMethod } from '#src/domain/fresh-proof.ts'
import { composePassword } from '#src/domain/password.ts'
import { identityErrors } from '#src/errors.ts'
import type { PasswordHasher } from '#src/infra/argon2/password-hasher.ts'
import { admitProof, forgetProof, renewProof } from '#src/infra/postgres/proofs.ts'
import { type LiveSession, revokeSession } from '#src/infra/postgres/sessions.ts'
import { lockActiveUser, readPasswordHash } from '#src/infra/postgres/users.ts'
import type { AccessTokens } from './access-token.ts'
import {
  type CheckCodeDependencies,
  checkCode,
  METHOD_OF_CODE,
  spendCode,
} from './two-factor/check-code.ts'
import { recordCodeUse } from './two-factor/record-factor-change.ts'
import { refuseWhenFull } from './when-full.ts'

export interface ReauthenticateDependencies extends CheckCodeDependencies {
  hasher: PasswordHasher
  accessTokens: AccessTokens
}

export interface Proof {
  password: string
  code: string | undefined
}

/**
 * Proves again who sits before a session: by password, and by a code where two-factor is on.
 * Returns an access token that says so. Too many wrong proofs end the session, because they come
 * from somebody who found it open.
 */
export async function reauthenticate(
  deps: ReauthenticateDependencies,
  session: LiveSession,
  proof: Proof,
): Promise<string> {
  if (session.twoFactorEnabled && proof.code === undefined) throw identityErrors.codeRequired()
  const passwordHash = await checkPassword(deps, session, proof.password)
  const code =
    session.twoFactorEnabled && proof.code !== undefined
      ? await checkCode(deps, session.id, proof.code)
      : undefined
  const methods: AuthenticationMethod[] =
    code === undefined ? ['pwd'] : ['pwd', METHOD_OF_CODE[code.kind]]
  const renewed = await deps.db.transaction().execute(async (tx) => {
    const user = await lockActiveUser(tx, session.id, passwordHash)
    if (user === undefined) throw identityErrors.unauthenticated()
    if (user.isTwoFactorOn && code === undefined) throw identityErrors.codeRequired()
    if (code !== undefined) await spendCode(tx, deps, session.id, code)
    const proved = await renewProof(tx, session.sessionId, methods)
    if (proved === undefined) throw identityErrors.unauthenticated()
    if (code !== undefined) await recordCodeUse(tx, session.id, code)
    return proved
  })
  deps.metrics.reauthenticated('accepted')
  return deps.accessTokens({ ...session, userId: session.id, ...renewed, methods })
}

/** Returns the hash that the password was right for. */
async function checkPassword(
  { db, hasher, metrics }: ReauthenticateDependencies,
  { id, sessionId }: LiveSession,
  password: string,
): Promise<string> {
  const admitted = await admitProof(db, sessionId)
  const passwordHash = await readPasswordHash(db, id)
  if (admitted === undefined || passwordHash === undefined) throw identityErrors.unauthenticated()
  const isRight = await refuseWhenFull(
    hasher.verify(passwordHash, composePassword(password)),
  ).catch(async (error: unknown) => {
    await forgetProof(db, sessionId)
    throw error
  })
  if (isRight) return passwordHash
  metrics.reauthenticated('refused')
  if (admitted.triesLeft === 0) await revokeSession(db, sessionId, 'wrong_proofs')
  throw identityErrors.invalidCredentials()
}
