import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import { toDataURL } from 'qrcode'
import { type CookieRenewal, renewCookie } from '#src/app/sessions/renew-cookie.ts'
import {
  type FactorChangeContext,
  recordFactorChange,
} from '#src/app/users/record-factor-change.ts'
import { RECOVERY_CODE_COUNT } from '#src/domain/two-factor.ts'
import { identityErrors } from '#src/errors.ts'
import { createRecoveryCode, formatRecoveryCode } from '#src/infra/crypto/recovery-code.ts'
import { sealTotpSecret } from '#src/infra/crypto/sealed-totp-secret.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import { createTotpSecret, totpUri } from '#src/infra/crypto/totp.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  addSessionMethod,
  type KeptCookie,
  type LiveSession,
  revokeSessionsOfUser,
} from '#src/infra/postgres/sessions/sessions.ts'
import { replaceRecoveryCodes } from '#src/infra/postgres/two-factor/recovery-codes.ts'
import {
  deleteTotpSecret,
  isEnrolmentOpen,
  replaceTotpSecret,
} from '#src/infra/postgres/two-factor/totp-secrets.ts'
import {
  type LockedUser,
  lockSessionUser,
  switchTwoFactor,
} from '#src/infra/postgres/users/users.ts'
import { type CheckCodeDependencies, type CheckedCode, checkCode, spendCode } from './check-code.ts'

/** The name that authenticator apps show beside the address. */
const ISSUER_NAME = 'Auction'

type ChangeDependencies = CheckCodeDependencies & Pick<FactorChangeContext, 'mails'>

interface ChangeContext {
  trace: Trace
  /** Of the browser's cookie, when the session has one. */
  renewal: CookieRenewal | undefined
}

export interface Enrolment {
  secret: string
  otpauthUri: string
  /** A picture as a data URI. */
  qrCode: string
}

/** Makes a secret for an authenticator app. Nothing changes at login before it is confirmed. */
export async function beginEnrolment(
  { db, box }: CheckCodeDependencies,
  session: LiveSession,
): Promise<Enrolment> {
  const secret = createTotpSecret()
  await changeUser(db, session, async (tx, user) => {
    if (user.isTwoFactorOn) throw identityErrors.twoFactorOn()
    await replaceTotpSecret(tx, user.id, sealTotpSecret(box, user.id, secret))
  })
  const otpauthUri = totpUri(secret, ISSUER_NAME, session.email)
  return { secret, otpauthUri, qrCode: await toDataURL(otpauthUri) }
}

/**
 * Turns two-factor on with the first code of the app. Returns the recovery codes, which cannot
 * be read again; sessions that were started without a second factor end.
 */
export async function turnOn(
  deps: ChangeDependencies,
  session: LiveSession,
  code: string,
  { trace, renewal }: ChangeContext,
): Promise<{ recoveryCodes: string[]; kept: KeptCookie | undefined }> {
  if (session.twoFactorEnabled) throw identityErrors.twoFactorOn()
  if (!(await isEnrolmentOpen(deps.db, session.id))) throw identityErrors.notEnrolling()
  const checked = await checkCode(deps, session.id, code)
  return changeUser(deps.db, session, async (tx, user) => {
    if (user.isTwoFactorOn) throw identityErrors.twoFactorOn()
    await spendCode(tx, deps, user.id, checked)
    await switchTwoFactor(tx, user.id, true)
    await addSessionMethod(tx, session.sessionId, 'otp')
    await revokeSessionsOfUser(tx, user.id, 'two_factor_changed', session.sessionId)
    const kept = await renewCookie(tx, renewal)
    const recoveryCodes = await giveRecoveryCodes(tx, user.id)
    await recordFactorChange(tx, { ...deps, trace }, 'two_factor.enabled', user)
    return { recoveryCodes, kept }
  })
}

/** Turns two-factor off and forgets secret and codes; only who holds the second factor may. */
export async function turnOff(
  deps: ChangeDependencies,
  session: LiveSession,
  code: string,
  { trace, renewal }: ChangeContext,
): Promise<KeptCookie | undefined> {
  return changeEnrolled(deps, session, code, async (tx, user, { kind }) => {
    await deleteTotpSecret(tx, user.id)
    await replaceRecoveryCodes(tx, user.id, [])
    await switchTwoFactor(tx, user.id, false)
    await revokeSessionsOfUser(tx, user.id, 'two_factor_changed', session.sessionId)
    const kept = await renewCookie(tx, renewal)
    await recordFactorChange(tx, { ...deps, trace }, 'two_factor.disabled', user, { by: kind })
    return kept
  })
}

/** Gives ten new recovery codes; the old ones stop working. */
export async function regenerateRecoveryCodes(
  deps: ChangeDependencies,
  session: LiveSession,
  code: string,
  trace: Trace,
): Promise<string[]> {
  return changeEnrolled(deps, session, code, async (tx, user, { kind }) => {
    const codes = await giveRecoveryCodes(tx, user.id)
    await recordFactorChange(tx, { ...deps, trace }, 'two_factor.recovery_codes_replaced', user, {
      by: kind,
    })
    return codes
  })
}

async function changeEnrolled<T>(
  deps: CheckCodeDependencies,
  session: LiveSession,
  code: string,
  change: (tx: Transaction<Database>, user: LockedUser, code: CheckedCode) => Promise<T>,
): Promise<T> {
  if (!session.twoFactorEnabled) throw identityErrors.twoFactorOff()
  const checked = await checkCode(deps, session.id, code)
  return changeUser(deps.db, session, async (tx, user) => {
    if (!user.isTwoFactorOn) throw identityErrors.twoFactorOff()
    await spendCode(tx, deps, user.id, checked)
    return change(tx, user, checked)
  })
}

async function changeUser<T>(
  db: Kysely<Database>,
  session: LiveSession,
  change: (tx: Transaction<Database>, user: LockedUser) => Promise<T>,
): Promise<T> {
  return outboxTransaction(db, async (tx) => {
    const user = await lockSessionUser(tx, session)
    if (user === undefined) throw identityErrors.unauthenticated()
    return change(tx, user)
  })
}

async function giveRecoveryCodes(tx: Transaction<Database>, userId: string): Promise<string[]> {
  const codes = Array.from({ length: RECOVERY_CODE_COUNT }, createRecoveryCode)
  await replaceRecoveryCodes(tx, userId, codes.map(digestOf))
  return codes.map(formatRecoveryCode)
}
