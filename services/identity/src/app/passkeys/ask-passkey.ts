import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server'
import { identityErrors } from '#src/errors.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import { readPendingLogin } from '#src/infra/postgres/login/pending-logins.ts'
import { readPasskeys } from '#src/infra/postgres/passkeys/passkeys.ts'
import type { PasskeyDependencies } from './check-passkey.ts'
import { createPasskeyChallenge } from './passkey-challenge.ts'

/** Asks who waits for the second factor for one of their passkeys; that alone uses up no try. */
export async function passkeyChallengeOptions(
  deps: PasskeyDependencies,
  pendingToken: string,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const pending = await readPendingLogin(deps.db, digestOf(pendingToken))
  if (pending === undefined) throw identityErrors.pendingLoginOver()
  return askOwner(deps, 'challenge', pending.userId)
}

/** Asks who is logged in for one of their passkeys. */
export async function passkeyProofOptions(
  deps: PasskeyDependencies,
  userId: string,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  return askOwner(deps, 'reauthenticate', userId)
}

async function askOwner(
  { db, relyingParty }: PasskeyDependencies,
  purpose: 'challenge' | 'reauthenticate',
  userId: string,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const known = await readPasskeys(db, userId)
  if (known.length === 0) throw identityErrors.noPasskey()
  return relyingParty.assertionOptions(known, await createPasskeyChallenge(db, purpose, userId))
}
