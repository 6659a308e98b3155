import { ServiceError } from '@auction/common/http/errors.ts'
import { PermitsFullError } from '@auction/common/process/permits.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import {
  type EmailVerification,
  requireVerifiedEmail,
} from '#src/app/accounts/require-verified-email.ts'
import { withdrawDeletion } from '#src/app/leaving/withdraw-deletion.ts'
import type { Mails } from '#src/app/mails/mails.ts'
import type { IdentityMetrics } from '#src/app/metrics/identity-metrics.ts'
import type { AccessTokens } from '#src/app/sessions/access-token.ts'
import { type Credential, startSession, type Transport } from '#src/app/sessions/start-session.ts'
import type { Admission, Throttle } from '#src/app/throttling/throttle.ts'
import { refuseWhenFull } from '#src/app/throttling/when-full.ts'
import type { Visitor } from '#src/app/visitors/visitor.ts'
import { normaliseEmail } from '#src/domain/email.ts'
import { composePassword } from '#src/domain/password.ts'
import { subjectsFrom } from '#src/domain/throttle.ts'
import { identityErrors } from '#src/errors.ts'
import { digestOf, randomSecret } from '#src/infra/crypto/secrets.ts'
import type { PasswordHasher } from '#src/infra/passwords/password-hasher.ts'
import { readDeletedAfter } from '#src/infra/postgres/leaving/deletions.ts'
import { insertPendingLogin } from '#src/infra/postgres/login/pending-logins.ts'
import { readSuspensionEnd } from '#src/infra/postgres/operators/suspensions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  type Credentials,
  lockActiveUser,
  readCredentials,
  replacePasswordHash,
} from '#src/infra/postgres/users/users.ts'

export interface LogInDependencies {
  db: Kysely<Database>
  mails: Mails
  hasher: PasswordHasher
  accessTokens: AccessTokens
  throttle: Throttle
  metrics: IdentityMetrics
  emailVerification: EmailVerification
}

export interface LogInCommand {
  email: string
  password: string
  visitor: Visitor
  transport: Transport
  /** An account that its owner has closed is not to be deleted. */
  keepsAccount: boolean
  trace: Trace
}

export interface Tokens {
  token: string
  refreshToken: string
}

export interface LoggedIn {
  token: string
  credential: Credential
  /** For the browser to keep (`startSession`). */
  deviceToken: string
}

/** A login whose password was right and that waits for its second factor. */
export interface PendingLogin {
  pendingToken: string
  expiresAt: Date
}

/**
 * Starts a session, or asks for the second factor. An unknown address, a deleted account and a wrong
 * password give one answer after the same work; that an account is suspended, or waits to be deleted, learns only
 * who knows its password.
 */
export async function logIn(
  deps: LogInDependencies,
  command: LogInCommand,
): Promise<LoggedIn | PendingLogin> {
  const { db, metrics } = deps
  const password = composePassword(command.password)
  const emailNormalised = normaliseEmail(command.email)
  const user =
    emailNormalised === undefined ? undefined : await readCredentials(db, emailNormalised)
  const admission = await admit(deps, command, user)
  const isRight = await verify(deps, admission, user, password)
  if (user === undefined || !isRight) {
    metrics.loggedIn('refused')
    throw identityErrors.invalidCredentials()
  }
  await admission.forgive()
  if (user.status === 'suspended') {
    metrics.loggedIn('suspended')
    const until = await readSuspensionEnd(db, user.id)
    throw identityErrors.suspended({ until: until?.toISOString() ?? null })
  }
  if (user.status === 'deleting') await keepOrRefuse(deps, user, command)
  await requireVerifiedEmail(deps, user.id, command.trace)
  const opened = await open(deps, user, command)
  metrics.loggedIn('pendingToken' in opened ? 'code_asked' : 'accepted')
  await renewHash(deps, user, password)
  return opened
}

/**
 * The password is enough to keep a closed account, without the second factor: what a stranger could do with it
 * is to undo a deletion, and its owner gets a mail about that.
 */
async function keepOrRefuse(
  deps: LogInDependencies,
  { id: userId, passwordHash }: Credentials,
  { keepsAccount, trace }: LogInCommand,
): Promise<void> {
  if (keepsAccount) {
    // Not when the password was changed meanwhile: the login goes on, and is refused for that.
    await withdrawDeletion(deps, { userId, passwordHash }, trace)
    return
  }
  const deletedAfter = await readDeletedAfter(deps.db, userId)
  // It was kept, or erased, at this moment: the login goes on, and finds out under the lock.
  if (deletedAfter === undefined) return
  deps.metrics.loggedIn('deleting')
  throw identityErrors.deleting({ deletedAfter: deletedAfter.toISOString() })
}

/**
 * Counted by the address as typed, so that one without an account is counted alike. What was wrong before the
 * owner last proved who they are is counted under another number.
 */
async function admit(
  { throttle, metrics }: LogInDependencies,
  { email, visitor }: LogInCommand,
  user: Credentials | undefined,
): Promise<Admission> {
  const subjects = subjectsFrom(await throttle.originOf(user?.id, visitor))
  const account = normaliseEmail(email) ?? email
  const ownershipProofs = user?.ownershipProofs ?? 0
  try {
    return await throttle.admit({ scope: 'password', subjects, visitor, account, ownershipProofs })
  } catch (error) {
    if (error instanceof ServiceError) metrics.loggedIn('throttled')
    throw error
  }
}

async function verify(
  { hasher, metrics }: LogInDependencies,
  admission: Admission,
  user: Credentials | undefined,
  password: string,
): Promise<boolean> {
  try {
    return await refuseWhenFull(
      user === undefined
        ? hasher.verifyNobody(password)
        : hasher.verify(user.passwordHash, password),
    )
  } catch (error) {
    metrics.loggedIn('busy')
    await admission.takeBack()
    throw error
  }
}

async function open(
  { db, accessTokens, throttle }: LogInDependencies,
  user: Credentials,
  { visitor, transport }: LogInCommand,
): Promise<LoggedIn | PendingLogin> {
  const { id: userId, email, name, roles } = user
  const opened = await db.transaction().execute(async (tx) => {
    const locked = await lockActiveUser(tx, userId, user.passwordHash)
    if (locked === undefined) throw identityErrors.invalidCredentials()
    if (locked.isTwoFactorOn) return openPendingLogin(tx, userId)
    return startSession(tx, throttle, { userId, visitor, methods: ['pwd'], transport })
  })
  if ('pendingToken' in opened) return opened
  const token = accessTokens({ ...opened, userId, email, name, roles })
  const { credential, deviceToken } = opened
  return { token, credential, deviceToken }
}

/** The token is no JWT: it can be mistaken for an access token nowhere. */
async function openPendingLogin(tx: Transaction<Database>, userId: string): Promise<PendingLogin> {
  const pendingToken = randomSecret()
  const expiresAt = await insertPendingLogin(tx, digestOf(pendingToken), userId)
  return { pendingToken, expiresAt }
}

/** Only at a login is the password known, so only then an old hash can be replaced. */
async function renewHash(
  { db, hasher }: LogInDependencies,
  user: Credentials,
  password: string,
): Promise<void> {
  if (!hasher.needsRehash(user.passwordHash)) return
  try {
    const newHash = await hasher.hash(password)
    await replacePasswordHash(db, user.id, user.passwordHash, newHash)
  } catch (error) {
    // The session exists already, and the next login tries again.
    if (!(error instanceof PermitsFullError)) throw error
  }
}
