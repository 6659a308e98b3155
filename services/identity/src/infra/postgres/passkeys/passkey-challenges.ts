import { type Kysely, sql } from 'kysely'
import { PASSKEY_CHALLENGE_SECONDS, type PasskeyPurpose } from '#src/domain/passkeys.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export async function insertPasskeyChallenge(
  db: Kysely<Database>,
  digest: Buffer,
  purpose: PasskeyPurpose,
  userId: string | undefined,
): Promise<void> {
  await db
    .insertInto('passkey_challenges')
    .values({
      digest,
      purpose,
      user_id: userId ?? null,
      expires_at: sql<Date>`clock_timestamp() + make_interval(secs => ${PASSKEY_CHALLENGE_SECONDS})`,
    })
    .execute()
}

/** Takes a challenge: the first answer has it, right or wrong, and every later one is too late. */
export async function takePasskeyChallenge(
  db: Kysely<Database>,
  digest: Buffer,
  purpose: PasskeyPurpose,
  userId: string | undefined,
): Promise<boolean> {
  const result = await db
    .deleteFrom('passkey_challenges')
    .where('digest', '=', digest)
    .where('purpose', '=', purpose)
    .where('user_id', 'is not distinct from', userId ?? null)
    .where('expires_at', '>', sql<Date>`statement_timestamp()`)
    .executeTakeFirst()
  return result.numDeletedRows === 1n
}
