import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type {
  PublicKeyCredentialCreationOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server'
import type { Transaction } from 'kysely'
import {
  type FactorChangeContext,
  recordFactorChange,
} from '#src/app/users/record-factor-change.ts'
import { normaliseName } from '#src/domain/name.ts'
import { PASSKEYS_MAX } from '#src/domain/passkeys.ts'
import { identityErrors } from '#src/errors.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import {
  deletePasskey,
  insertPasskey,
  type ListedPasskey,
  readPasskeys,
  renamePasskey,
} from '#src/infra/postgres/passkeys/passkeys.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type LiveSession, revokeSessionsOfUser } from '#src/infra/postgres/sessions/sessions.ts'
import { lockSessionUser } from '#src/infra/postgres/users/users.ts'
import { type PasskeyDependencies, refusePasskey } from './check-passkey.ts'
import { createPasskeyChallenge, takeChallenge } from './passkey-challenge.ts'

type ChangeDependencies = PasskeyDependencies & Pick<FactorChangeContext, 'mails'>

/** What a browser needs to make a passkey that this account has not yet. */
export async function beginPasskey(
  { db, relyingParty }: PasskeyDependencies,
  session: LiveSession,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const known = await readPasskeys(db, session.id)
  if (known.length >= PASSKEYS_MAX) throw identityErrors.tooManyPasskeys({ max: PASSKEYS_MAX })
  const challenge = await createPasskeyChallenge(db, 'register', session.id)
  return relyingParty.registrationOptions(session, known, challenge)
}

/** Stores the public key that the browser made. */
export async function addPasskey(
  deps: ChangeDependencies,
  session: LiveSession,
  command: { name: string; credential: RegistrationResponseJSON },
  trace: Trace,
): Promise<ListedPasskey> {
  const { db, relyingParty, metrics } = deps
  const name = nameOf(command.name)
  const { credential } = command
  const { clientDataJSON } = credential.response
  const challenge = await takeChallenge(db, 'register', session.id, clientDataJSON)
  if (challenge === undefined) throw refusePasskey(deps)
  const made = await relyingParty.verifyRegistration(credential, challenge)
  if (made === undefined) throw refusePasskey(deps)
  const added = await outboxTransaction(db, async (tx) => {
    const passkeys = await lockPasskeys(tx, session)
    if (passkeys.length >= PASSKEYS_MAX) throw identityErrors.tooManyPasskeys({ max: PASSKEYS_MAX })
    const inserted = await insertPasskey(tx, { ...made, name, userId: session.id })
    if (inserted === undefined) throw identityErrors.passkeyKnown()
    await recordFactorChange(tx, { ...deps, trace }, 'passkey.added', session, { name })
    return inserted
  })
  metrics.passkey('added')
  return added
}

export async function changePasskeyName(
  { db }: PasskeyDependencies,
  session: LiveSession,
  shownId: string,
  text: string,
): Promise<ListedPasskey> {
  const name = nameOf(text)
  return db.transaction().execute(async (tx) => {
    const passkey = findPasskey(await lockPasskeys(tx, session), shownId)
    await renamePasskey(tx, session.id, passkey.id, name)
    return { ...passkey, name }
  })
}

/** Forgets a passkey. It may be in a stranger's hands, so the other sessions end with it. */
export async function removePasskey(
  deps: ChangeDependencies,
  session: LiveSession,
  shownId: string,
  trace: Trace,
): Promise<void> {
  const { db, metrics } = deps
  await outboxTransaction(db, async (tx) => {
    const { id, name } = findPasskey(await lockPasskeys(tx, session), shownId)
    await deletePasskey(tx, session.id, id)
    await revokeSessionsOfUser(tx, session.id, 'two_factor_changed', session.sessionId)
    await recordFactorChange(tx, { ...deps, trace }, 'passkey.removed', session, { name })
  })
  metrics.passkey('removed')
}

/** Authenticators choose ids of up to a kilobyte; what is shown fits into a path. */
export function publicPasskeyId(id: string): string {
  return digestOf(id).toString('base64url')
}

async function lockPasskeys(
  tx: Transaction<Database>,
  session: LiveSession,
): Promise<ListedPasskey[]> {
  if ((await lockSessionUser(tx, session)) === undefined) throw identityErrors.unauthenticated()
  return readPasskeys(tx, session.id)
}

function findPasskey(passkeys: readonly ListedPasskey[], shownId: string): ListedPasskey {
  const passkey = passkeys.find(({ id }) => publicPasskeyId(id) === shownId)
  if (passkey === undefined) throw identityErrors.passkeyNotFound()
  return passkey
}

function nameOf(text: string): string {
  const name = normaliseName(text)
  if (name === undefined) throw identityErrors.invalidName({ field: 'name' })
  return name
}
