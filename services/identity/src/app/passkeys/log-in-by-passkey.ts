import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server'
import {
  type EmailVerification,
  requireVerifiedEmail,
} from '#src/app/accounts/require-verified-email.ts'
import type { LoggedIn } from '#src/app/login/log-in.ts'
import type { AccessTokens } from '#src/app/sessions/access-token.ts'
import { startSession, type Transport } from '#src/app/sessions/start-session.ts'
import type { Throttle } from '#src/app/throttling/throttle.ts'
import type { Visitor } from '#src/app/visitors/visitor.ts'
import { identityErrors } from '#src/errors.ts'
import { readDeletedAfter } from '#src/infra/postgres/leaving/deletions.ts'
import { lockUser, recordOwnership } from '#src/infra/postgres/users/users.ts'
import {
  checkPasskey,
  type PasskeyDependencies,
  refusePasskey,
  spendPasskey,
} from './check-passkey.ts'
import { createPasskeyChallenge } from './passkey-challenge.ts'

export interface PasskeyLoginDependencies extends PasskeyDependencies {
  accessTokens: AccessTokens
  throttle: Throttle
  emailVerification: EmailVerification
}

/** Options for a login by any passkey; they do not show who has an account. */
export async function passkeyLoginOptions({
  db,
  relyingParty,
}: PasskeyDependencies): Promise<PublicKeyCredentialRequestOptionsJSON> {
  return relyingParty.assertionOptions([], await createPasskeyChallenge(db, 'login', undefined))
}

/**
 * Starts a session by a passkey alone. The authenticator verified its user, so this is two factors
 * in one, and a code is not asked for.
 */
export async function logInByPasskey(
  deps: PasskeyLoginDependencies,
  response: AuthenticationResponseJSON,
  { visitor, transport, trace }: { visitor: Visitor; transport: Transport; trace: Trace },
): Promise<LoggedIn> {
  const checked = await checkPasskey(deps, 'login', response)
  const { userId } = checked
  await requireVerifiedEmail(deps, userId, trace)
  const { user, session } = await deps.db.transaction().execute(async (tx) => {
    const locked = await lockUser(tx, userId)
    const deletedAfter = locked === undefined ? await readDeletedAfter(tx, userId) : undefined
    if (deletedAfter !== undefined) {
      deps.metrics.loggedIn('deleting')
      throw identityErrors.deleting({ deletedAfter: deletedAfter.toISOString() })
    }
    if (locked === undefined || !(await spendPasskey(tx, checked))) throw refusePasskey(deps)
    await recordOwnership(tx, userId)
    const start = { userId, visitor, methods: ['hwk'], transport } as const
    return { user: locked, session: await startSession(tx, deps.throttle, start) }
  })
  deps.metrics.passkey('accepted')
  deps.metrics.loggedIn('accepted')
  const token = deps.accessTokens({ ...user, ...session, userId })
  const { credential, deviceToken } = session
  return { token, credential, deviceToken }
}
