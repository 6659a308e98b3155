import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { Mails } from '#src/app/mails/mails.ts'
import { checkPasskey } from '#src/app/passkeys/check-passkey.ts'
import type { AccessTokens } from '#src/app/sessions/access-token.ts'
import { type CookieRenewal, renewCookie } from '#src/app/sessions/renew-cookie.ts'
import { refuseWhenFull } from '#src/app/throttling/when-full.ts'
import { checkCode } from '#src/app/two-factor/check-code.ts'
import {
  type CheckedFactor,
  type FactorDependencies,
  spendFactor,
} from '#src/app/two-factor/check-factor.ts'
import { recordFactorUse } from '#src/app/users/record-factor-change.ts'
import type { AuthenticationMethod } from '#src/domain/fresh-proof.ts'
import { composePassword } from '#src/domain/password.ts'
import { METHOD_OF, provesOwnership } from '#src/domain/two-factor.ts'
import { identityErrors } from '#src/errors.ts'
import type { PasswordHasher } from '#src/infra/passwords/password-hasher.ts'
import { admitProof, forgetProof, renewProof } from '#src/infra/postgres/proofs/proofs.ts'
import {
  type KeptCookie,
  type LiveSession,
  revokeSession,
} from '#src/infra/postgres/sessions/sessions.ts'
import {
  lockActiveUser,
  readPasswordHash,
  recordOwnership,
} from '#src/infra/postgres/users/users.ts'

export interface ReauthenticateDependencies extends FactorDependencies {
  hasher: PasswordHasher
  accessTokens: AccessTokens
  mails: Mails
}

/** A passkey is both factors at once, because the authenticator verifies its user. */
export type Proof =
  | { password: string; code: string | undefined }
  | { passkey: AuthenticationResponseJSON }

/** What turned out right, to be looked at again under the user's lock. */
interface Checked {
  passwordHash: string | undefined
  factor: CheckedFactor | undefined
}

/**
 * Proves again who sits before a session: by password, with a code where two-factor is on, or by a
 * passkey. Returns an access token that says so; a browser gets another cookie as well. Too many wrong passwords end the session, because
 * they may come from a stranger who found it open.
 */
export async function reauthenticate(
  deps: ReauthenticateDependencies,
  session: LiveSession,
  proof: Proof,
  { trace, renewal }: { trace: Trace; renewal: CookieRenewal | undefined },
): Promise<{ token: string; kept: KeptCookie | undefined }> {
  const { passwordHash, factor } = await check(deps, session, proof)
  const methods = methodsOf({ passwordHash, factor })
  const renewed = await outboxTransaction(deps.db, async (tx) => {
    // First, because it locks more than what follows: two at once would each wait for the other.
    if (factor !== undefined && provesOwnership(factor.kind)) await recordOwnership(tx, session.id)
    const user = await lockActiveUser(tx, session.id, passwordHash)
    if (user === undefined) throw identityErrors.unauthenticated()
    if (user.isTwoFactorOn && factor === undefined) throw identityErrors.codeRequired()
    if (factor !== undefined) await spendFactor(tx, deps, session.id, factor)
    const proved = await renewProof(tx, session.sessionId, methods)
    if (proved === undefined) throw identityErrors.unauthenticated()
    const kept = await renewCookie(tx, renewal)
    if (factor !== undefined) await recordFactorUse(tx, { ...deps, trace }, session, factor.kind)
    return { ...proved, kept }
  })
  deps.metrics.reauthenticated('accepted')
  const { kept, authenticatedAt } = renewed
  const token = deps.accessTokens({ ...session, userId: session.id, authenticatedAt, methods })
  return { token, kept }
}

function methodsOf({ passwordHash, factor }: Checked): AuthenticationMethod[] {
  const password = passwordHash === undefined ? [] : (['pwd'] as const)
  return factor === undefined ? [...password] : [...password, METHOD_OF[factor.kind]]
}

async function check(
  deps: ReauthenticateDependencies,
  session: LiveSession,
  proof: Proof,
): Promise<Checked> {
  if ('passkey' in proof) {
    const factor = await checkPasskey(deps, 'reauthenticate', proof.passkey, session.id)
    return { passwordHash: undefined, factor }
  }
  const { password, code } = proof
  if (session.twoFactorEnabled && code === undefined) throw identityErrors.codeRequired()
  const passwordHash = await checkPassword(deps, session, password)
  if (!session.twoFactorEnabled || code === undefined) return { passwordHash, factor: undefined }
  return { passwordHash, factor: await checkCode(deps, session.id, code) }
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
  if (isRight) {
    // Wrong passwords count here. A wrong code beside a right one has its own tries.
    await forgetProof(db, sessionId)
    return passwordHash
  }
  metrics.reauthenticated('refused')
  if (admitted.triesLeft === 0) await revokeSession(db, sessionId, 'wrong_proofs')
  throw identityErrors.invalidCredentials()
}
