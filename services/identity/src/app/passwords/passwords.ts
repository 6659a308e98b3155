import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { trimText } from '@auction/common/text.ts'
import type { Kysely, Transaction } from 'kysely'
import type { Mails } from '#src/app/mails/mails.ts'
import { type CookieRenewal, renewCookie } from '#src/app/sessions/renew-cookie.ts'
import { refuseWhenFull } from '#src/app/throttling/when-full.ts'
import { recordVerification } from '#src/app/users/open-account.ts'
import { composePassword, judgePassword } from '#src/domain/password.ts'
import { judgeWeakness, type Owner } from '#src/domain/weak-password.ts'
import { identityErrors } from '#src/errors.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import type { BreachCheck } from '#src/infra/passwords/breached-passwords.ts'
import { isCommonPassword } from '#src/infra/passwords/common-passwords.ts'
import type { PasswordHasher } from '#src/infra/passwords/password-hasher.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import {
  forgetResets,
  readReset,
  spendReset,
} from '#src/infra/postgres/passwords/password-resets.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  type KeptCookie,
  type LiveSession,
  revokeSessionsOfUser,
} from '#src/infra/postgres/sessions/sessions.ts'
import { lockSessionUser, setPasswordHash } from '#src/infra/postgres/users/users.ts'
import { forgetOrigins } from '#src/infra/postgres/visitors/known-origins.ts'

export interface PasswordDependencies {
  db: Kysely<Database>
  hasher: PasswordHasher
  mails: Mails
  isBreached: BreachCheck
}

/** The composed password, or identity.invalid_password with the field of the body and the reason. */
export async function readNewPassword(
  { field, text }: { field: 'password' | 'newPassword'; text: string },
  owner: Owner,
  isBreached: BreachCheck,
): Promise<string> {
  const refuse = (reason: string) => identityErrors.invalidPassword({ field, reason })
  const verdict = judgePassword(text)
  if (verdict !== 'fine') throw refuse(verdict)
  const password = composePassword(text)
  const weakness = judgeWeakness(password, owner, isCommonPassword)
  if (weakness !== 'fine') throw refuse(weakness)
  if (await isBreached(password)) throw refuse('breached')
  return password
}

/** Changes the password of a user with a fresh proof; other sessions end, and a browser gets another cookie. */
export async function changePassword(
  deps: PasswordDependencies,
  session: LiveSession,
  newPassword: string,
  { trace, renewal }: { trace: Trace; renewal: CookieRenewal | undefined },
): Promise<KeptCookie | undefined> {
  const given = { field: 'newPassword', text: newPassword } as const
  const password = await readNewPassword(given, session, deps.isBreached)
  const passwordHash = await refuseWhenFull(deps.hasher.hash(password))
  const { id, sessionId } = session
  return outboxTransaction(deps.db, async (tx) => {
    if ((await lockSessionUser(tx, session)) === undefined) throw identityErrors.unauthenticated()
    await setPasswordHash(tx, id, passwordHash)
    await revokeSessionsOfUser(tx, id, 'password_changed', sessionId)
    const kept = await renewCookie(tx, renewal)
    await settle(tx, deps, session, { action: 'password.changed', actorId: id, trace })
    return kept
  })
}

/**
 * Sets a new password by a mailed link. Every session ends and no new one starts: two-factor, if
 * it is on, stays on and is asked for at the next login.
 */
export async function resetPassword(
  deps: PasswordDependencies,
  secret: string,
  newPassword: string,
  trace: Trace,
): Promise<void> {
  const digest = digestOf(trimText(secret))
  const user = await readReset(deps.db, digest)
  if (user === undefined) throw identityErrors.invalidLink()
  const given = { field: 'newPassword', text: newPassword } as const
  const password = await readNewPassword(given, user, deps.isBreached)
  const passwordHash = await refuseWhenFull(deps.hasher.hash(password))
  await outboxTransaction(deps.db, async (tx) => {
    // The user first, as everywhere: a login under way holds this row and would wait for the link.
    const isThere = await setPasswordHash(tx, user.id, passwordHash)
    if (!isThere || !(await spendReset(tx, digest, user.id))) throw identityErrors.invalidLink()
    await revokeSessionsOfUser(tx, user.id, 'password_reset')
    await settle(tx, deps, user, { action: 'password.reset', actorId: null, trace })
    // Who got the link reads the mails of this address.
    await recordVerification(tx, user, trace)
  })
}

/** Follows every new password: old links and known origins go, the change is recorded and mailed. */
async function settle(
  tx: Transaction<Database>,
  { mails }: PasswordDependencies,
  { id, email, name }: { id: string; email: string; name: string },
  { action, actorId, trace }: { action: string; actorId: string | null; trace: Trace },
): Promise<void> {
  await forgetResets(tx, id)
  await forgetOrigins(tx, id)
  const mail = { template: 'password_changed', to: email, name, userId: id } as const
  await writeOutbox(tx, [mails.request(mail, trace)])
  await recordAudit(tx, { action, actorId, subjectId: id, details: {} })
}
