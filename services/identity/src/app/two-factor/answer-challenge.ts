import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { LoggedIn } from '#src/app/login/log-in.ts'
import type { Mails } from '#src/app/mails/mails.ts'
import type { AccessTokens } from '#src/app/sessions/access-token.ts'
import { startSession, type Transport } from '#src/app/sessions/start-session.ts'
import type { Throttle } from '#src/app/throttling/throttle.ts'
import { recordFactorUse } from '#src/app/users/record-factor-change.ts'
import type { Visitor } from '#src/app/visitors/visitor.ts'
import { METHOD_OF, provesOwnership } from '#src/domain/two-factor.ts'
import { identityErrors } from '#src/errors.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import { admitPendingLogin, endPendingLogin } from '#src/infra/postgres/login/pending-logins.ts'
import { lockUser, recordOwnership } from '#src/infra/postgres/users/users.ts'
import {
  checkFactor,
  type FactorDependencies,
  type SecondFactor,
  spendFactor,
} from './check-factor.ts'

export interface ChallengeDependencies extends FactorDependencies {
  accessTokens: AccessTokens
  throttle: Throttle
  mails: Mails
}

export interface ChallengeAnswer {
  /** What the login gave out. It opens nothing but this. */
  pendingToken: string
  factor: SecondFactor
  visitor: Visitor
  transport: Transport
}

/** Finishes a login whose password was right, with a code, a recovery code or a passkey. */
export async function answerChallenge(
  deps: ChallengeDependencies,
  { pendingToken, factor, visitor, transport }: ChallengeAnswer,
  trace: Trace,
): Promise<LoggedIn> {
  const digest = digestOf(pendingToken)
  const admission = await deps.throttle.admit({ scope: 'code', subjects: ['address'], visitor })
  const { userId, checked } = await admit(deps, digest, factor)
  await admission.forgive()
  const { user, session } = await outboxTransaction(deps.db, async (tx) => {
    // A password change, a reset and a suspension hold this lock and end what waits.
    const locked = await lockUser(tx, userId)
    if (locked === undefined || !(await endPendingLogin(tx, digest))) throw over(deps)
    await spendFactor(tx, deps, userId, checked)
    if (provesOwnership(checked.kind)) await recordOwnership(tx, userId)
    const methods = ['pwd', METHOD_OF[checked.kind]] as const
    const start = { userId, visitor, methods, transport }
    const started = await startSession(tx, deps.throttle, start)
    await recordFactorUse(tx, { ...deps, trace }, locked, checked.kind)
    return { user: locked, session: started }
  })
  deps.metrics.loggedIn('accepted')
  const token = deps.accessTokens({ ...user, ...session, userId })
  const { credential, deviceToken } = session
  return { token, credential, deviceToken }
}

async function admit(deps: ChallengeDependencies, digest: Buffer, factor: SecondFactor) {
  const admitted = await admitPendingLogin(deps.db, digest)
  if (admitted === undefined) throw over(deps)
  const { userId, triesLeft } = admitted
  try {
    return { userId, checked: await checkFactor(deps, 'challenge', userId, factor) }
  } catch (error) {
    // The sender has the password and not the second factor.
    if (triesLeft === 0)
      deps.log.warn({ userId }, 'login ended after too many wrong second factors')
    throw error
  }
}

/** One answer for a token that is unknown, expired, used, tried too often or made worthless. */
function over({ metrics }: ChallengeDependencies) {
  metrics.loggedIn('challenge_over')
  return identityErrors.pendingLoginOver()
}
