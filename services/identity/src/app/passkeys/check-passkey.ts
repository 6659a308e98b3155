import type { Logger } from '@auction/common/process/logger.ts'
import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { Kysely, Transaction } from 'kysely'
import type { IdentityMetrics } from '#src/app/metrics/identity-metrics.ts'
import { isCounterPlausible, type PasskeyPurpose } from '#src/domain/passkeys.ts'
import { identityErrors } from '#src/errors.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import { readPasskey, usePasskey } from '#src/infra/postgres/passkeys/passkeys.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { RelyingParty } from '#src/infra/webauthn/relying-party.ts'
import { takeChallenge } from './passkey-challenge.ts'

export interface PasskeyDependencies {
  db: Kysely<Database>
  relyingParty: RelyingParty
  metrics: IdentityMetrics
  log: Logger
}

/** A good signature; it counts once `spendPasskey` has noted it. */
export interface CheckedPasskey {
  kind: 'passkey'
  id: string
  userId: string
  counter: number
  isBackedUp: boolean
}

/**
 * Verifies what an authenticator signed, for the user where one is known already. Every refusal is
 * the same identity.invalid_passkey.
 */
export async function checkPasskey(
  deps: PasskeyDependencies,
  purpose: PasskeyPurpose,
  response: AuthenticationResponseJSON,
  userId?: string,
): Promise<CheckedPasskey> {
  const { db, relyingParty } = deps
  const { clientDataJSON, userHandle } = response.response
  const challenge = await takeChallenge(db, purpose, userId, clientDataJSON)
  if (challenge === undefined) throw refusePasskey(deps)
  const passkey = await readPasskey(db, response.id)
  if (passkey === undefined) throw refusePasskey(deps)
  const owner = userId ?? (userHandle && Buffer.from(userHandle, 'base64url').toString())
  if (owner !== passkey.userId) throw refusePasskey(deps)
  const verified = await relyingParty.verifyAssertion(response, challenge, passkey.publicKey)
  if (verified === undefined) throw refusePasskey(deps)
  if (!isCounterPlausible(passkey.counter, verified.counter)) {
    await recordTwin(deps, passkey.userId)
    throw refusePasskey(deps)
  }
  return { kind: 'passkey', id: response.id, userId: passkey.userId, ...verified }
}

/** Notes the use, in the transaction of what it allows; false when another one was faster. */
export async function spendPasskey(
  tx: Transaction<Database>,
  checked: CheckedPasskey,
): Promise<boolean> {
  return usePasskey(tx, checked)
}

export function refusePasskey({ metrics }: Pick<PasskeyDependencies, 'metrics'>) {
  metrics.passkey('refused')
  return identityErrors.invalidPasskey()
}

/** A right signature with an old count: the key exists twice, and one of them is not its owner's. */
async function recordTwin({ db, metrics, log }: PasskeyDependencies, userId: string) {
  metrics.passkey('counter_went_back')
  log.warn({ userId }, 'passkey refused, its counter went back')
  const entry = { actorId: null, subjectId: userId, details: {} }
  await db
    .transaction()
    .execute((tx) => recordAudit(tx, { ...entry, action: 'passkey.counter_went_back' }))
}
