import { type Kysely, sql, type Transaction } from 'kysely'
import { CODE_TRIES, ENROLMENT_SECONDS } from '#src/domain/two-factor.ts'
import type { SealedTotpSecret } from '#src/infra/crypto/sealed-totp-secret.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface AdmittedTry extends SealedTotpSecret {
  /** By the database's clock, which all replicas share. */
  nowSeconds: number
}

/** Stores a new secret in place of one that was never confirmed; its tries are reset. */
export async function replaceTotpSecret(
  tx: Transaction<Database>,
  userId: string,
  { secretEncrypted, encryptionKeyId }: SealedTotpSecret,
): Promise<void> {
  await deleteTotpSecret(tx, userId)
  await tx
    .insertInto('totp_secrets')
    .values({
      user_id: userId,
      secret_encrypted: secretEncrypted,
      encryption_key_id: encryptionKeyId,
    })
    .execute()
}

export async function deleteTotpSecret(tx: Transaction<Database>, userId: string): Promise<void> {
  await tx.deleteFrom('totp_secrets').where('user_id', '=', userId).execute()
}

/** True while a secret was made a moment ago: it may still be confirmed. */
export async function isEnrolmentOpen(db: Kysely<Database>, userId: string): Promise<boolean> {
  const row = await db
    .selectFrom('totp_secrets')
    .select('user_id')
    .where('user_id', '=', userId)
    .where(
      'created_at',
      '>',
      sql<Date>`statement_timestamp() - make_interval(secs => ${ENROLMENT_SECONDS})`,
    )
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Counts a try and hands out the secret to judge it with, in one statement: of parallel tries no
 * more pass than the windows allow, whatever the replicas do. Undefined when there is no secret or
 * no try left.
 */
export async function admitTotpTry(
  db: Kysely<Database>,
  userId: string,
): Promise<AdmittedTry | undefined> {
  const { short, long } = CODE_TRIES
  const isShortOver = sql`short_window_began_at < statement_timestamp() - make_interval(secs => ${short.seconds})`
  const isLongOver = sql`long_window_began_at < statement_timestamp() - make_interval(secs => ${long.seconds})`
  const { rows } = await sql<AdmittedTry>`
    update totp_secrets
       set short_window_tries = case when ${isShortOver} then 1 else short_window_tries + 1 end,
           long_window_tries = case when ${isLongOver} then 1 else long_window_tries + 1 end,
           short_window_began_at =
             case when ${isShortOver} then clock_timestamp() else short_window_began_at end,
           long_window_began_at =
             case when ${isLongOver} then clock_timestamp() else long_window_began_at end
     where user_id = ${userId}
       and (${isShortOver} or short_window_tries < ${short.max})
       and (${isLongOver} or long_window_tries < ${long.max})
    returning secret_encrypted as "secretEncrypted", encryption_key_id as "encryptionKeyId",
              extract(epoch from clock_timestamp())::float8 as "nowSeconds"`.execute(db)
  return rows[0]
}

/** How many seconds it takes until no window is full any more; undefined when there is no secret. */
export async function readTotpWait(
  db: Kysely<Database>,
  userId: string,
): Promise<number | undefined> {
  const { short, long } = CODE_TRIES
  const { rows } = await sql<{ seconds: number | null }>`
    select ceil(extract(epoch from greatest(
             case when short_window_tries >= ${short.max}
               then short_window_began_at + make_interval(secs => ${short.seconds}) end,
             case when long_window_tries >= ${long.max}
               then long_window_began_at + make_interval(secs => ${long.seconds}) end
           ) - statement_timestamp()))::int as seconds
      from totp_secrets where user_id = ${userId}`.execute(db)
  const [secret] = rows
  return secret && Math.max(secret.seconds ?? 0, 1)
}

/**
 * Marks the step of a right code as spent. False when that or a newer one is spent already: of
 * parallel submits of one code exactly one gets true. A right code gives its try back.
 */
export async function spendTotpStep(
  tx: Transaction<Database>,
  userId: string,
  step: number,
): Promise<boolean> {
  const result = await tx
    .updateTable('totp_secrets')
    .set({
      last_used_step: BigInt(step),
      short_window_tries: 0,
      long_window_tries: sql<number>`greatest(long_window_tries - 1, 0)`,
    })
    .where('user_id', '=', userId)
    .where('last_used_step', '<', BigInt(step))
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** Some secrets that are not sealed with the given key, locked. */
export async function lockSecretsSealedOtherwise(
  tx: Transaction<Database>,
  encryptionKeyId: string,
  limit: number,
): Promise<(SealedTotpSecret & { userId: string })[]> {
  const { rows } = await sql<SealedTotpSecret & { userId: string }>`
    select user_id as "userId", secret_encrypted as "secretEncrypted",
           encryption_key_id as "encryptionKeyId"
      from totp_secrets where encryption_key_id <> ${encryptionKeyId}
     limit ${limit}
       for update`.execute(tx)
  return rows
}

/** Stores the same secret, sealed with another key. */
export async function resealTotpSecret(
  tx: Transaction<Database>,
  userId: string,
  { secretEncrypted, encryptionKeyId }: SealedTotpSecret,
): Promise<void> {
  await tx
    .updateTable('totp_secrets')
    .set({ secret_encrypted: secretEncrypted, encryption_key_id: encryptionKeyId })
    .where('user_id', '=', userId)
    .execute()
}
