import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { PasskeyPurpose } from '#src/domain/passkeys.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import {
  insertPasskeyChallenge,
  takePasskeyChallenge,
} from '#src/infra/postgres/passkeys/passkey-challenges.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readChallenge } from '#src/infra/webauthn/client-data.ts'

const CHALLENGE_LENGTH = 32

/** Makes something to sign: for one purpose, one user where known, and one answer. */
export async function createPasskeyChallenge(
  db: Kysely<Database>,
  purpose: PasskeyPurpose,
  userId: string | undefined,
): Promise<string> {
  const challenge = randomBytes(CHALLENGE_LENGTH).toString('base64url')
  await insertPasskeyChallenge(db, digestOf(challenge), purpose, userId)
  return challenge
}

/** The challenge that was answered, if we made it for this purpose and it was not answered before. */
export async function takeChallenge(
  db: Kysely<Database>,
  purpose: PasskeyPurpose,
  userId: string | undefined,
  clientDataJson: string,
): Promise<string | undefined> {
  const challenge = readChallenge(clientDataJson)
  if (challenge === undefined) return undefined
  const isOurs = await takePasskeyChallenge(db, digestOf(challenge), purpose, userId)
  return isOurs ? challenge : undefined
}
