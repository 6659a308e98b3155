import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import { PUBLISHED_AHEAD_SECONDS, RETIRED_AFTER_SECONDS } from '#src/domain/key-schedule.ts'
import type { PublicJwk } from '#src/infra/crypto/signing-key.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface StoredSigningKey {
  kid: string
  publicJwk: PublicJwk
  privateKeyEncrypted: Buffer
  encryptionKeyId: string
  isActive: boolean
}

/** All keys that are not retired, the one that signs (newest active) before other active ones. */
export async function readSigningKeys(db: Kysely<Database>): Promise<StoredSigningKey[]> {
  const { rows } = await sql<StoredSigningKey>`
    select kid, public_jwk as "publicJwk", private_key_encrypted as "privateKeyEncrypted",
           encryption_key_id as "encryptionKeyId", activates_at <= statement_timestamp() as "isActive"
      from signing_keys
     where retires_at is null or retires_at > statement_timestamp()
     order by activates_at desc, kid`.execute(db)
  return rows
}

export interface SigningKeyTimes {
  kid: string
  encryptionKeyId: string
  createdAt: Date
  activatesAt: Date
  retiresAt: Date | null
}

/** When every key there ever was signs and retires, and what time it is. */
export async function readKeyTimes(
  db: Kysely<Database>,
): Promise<{ keys: SigningKeyTimes[]; now: Date }> {
  const keys = await db
    .selectFrom('signing_keys')
    .select(['kid', 'encryption_key_id as encryptionKeyId', 'created_at as createdAt'])
    .select(['activates_at as activatesAt', 'retires_at as retiresAt'])
    .orderBy('activates_at', 'desc')
    .execute()
  // After the keys, so that none of them is younger than now.
  return { keys, now: await readClock(db) }
}

/** One process at a time may make or retire keys, so that two first starts agree on one. */
export async function lockSigningKeys(tx: Transaction<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${ADVISORY_LOCKS.signingKeys}, 0))`.execute(
    tx,
  )
}

export type SealedSigningKey = Omit<StoredSigningKey, 'isActive'>

/** Adds a key that signs at once. */
export async function insertSigningKey(
  tx: Transaction<Database>,
  key: SealedSigningKey,
): Promise<void> {
  await insertKey(tx, key, 0)
}

/** Adds the next key: published from now on, signing later, when all others begin to run out. */
export async function insertNextSigningKey(
  tx: Transaction<Database>,
  key: SealedSigningKey,
): Promise<void> {
  await insertKey(tx, key, PUBLISHED_AHEAD_SECONDS)
  await retireReplaced(tx, key.kid)
}

async function insertKey(
  tx: Transaction<Database>,
  key: SealedSigningKey,
  activatesInSeconds: number,
): Promise<void> {
  await tx
    .insertInto('signing_keys')
    .values({
      kid: key.kid,
      public_jwk: JSON.stringify(key.publicJwk),
      private_key_encrypted: key.privateKeyEncrypted,
      encryption_key_id: key.encryptionKeyId,
      activates_at: sql<Date>`clock_timestamp() + make_interval(secs => ${activatesInSeconds})`,
    })
    .execute()
}

/** Gives every other key its end, counted from when its successor signs. */
export async function retireReplaced(tx: Transaction<Database>, successor: string): Promise<void> {
  await sql`
    update signing_keys k
       set retires_at = s.activates_at + make_interval(secs => ${RETIRED_AFTER_SECONDS})
      from signing_keys s
     where s.kid = ${successor} and k.kid <> s.kid and k.retires_at is null`.execute(tx)
}

/** Ends a key at this instant; its private part is gone with the commit. */
export async function retireSigningKey(tx: Transaction<Database>, kid: string): Promise<void> {
  await tx
    .updateTable('signing_keys')
    .set({ retires_at: sql<Date>`clock_timestamp()`, private_key_encrypted: null })
    .where('kid', '=', kid)
    .execute()
}

/** Removes a key that never signed anything; the one it would have replaced goes on. */
export async function deleteWaitingKey(
  tx: Transaction<Database>,
  kid: string,
  signingKid: string | undefined,
): Promise<void> {
  await tx.deleteFrom('signing_keys').where('kid', '=', kid).execute()
  if (signingKid === undefined) return
  await tx
    .updateTable('signing_keys')
    .set({ retires_at: null })
    .where('kid', '=', signingKid)
    .execute()
}

/** Lets a waiting key sign at once. */
export async function promoteWaitingKey(tx: Transaction<Database>, kid: string): Promise<void> {
  await tx
    .updateTable('signing_keys')
    .set({ activates_at: sql<Date>`clock_timestamp()` })
    .where('kid', '=', kid)
    .execute()
}

/** Deletes the private parts of retired keys; answers whose. */
export async function forgetRetiredKeys(tx: Transaction<Database>): Promise<string[]> {
  const rows = await tx
    .updateTable('signing_keys')
    .set({ private_key_encrypted: null })
    .where('retires_at', '<=', sql<Date>`statement_timestamp()`)
    .where('private_key_encrypted', 'is not', null)
    .returning('kid')
    .execute()
  return rows.map(({ kid }) => kid)
}

export interface SealedKey {
  kid: string
  privateKeyEncrypted: Buffer
}

/** Private parts that are not sealed with the given key. */
export async function readKeysSealedOtherwise(
  tx: Transaction<Database>,
  encryptionKeyId: string,
): Promise<SealedKey[]> {
  const { rows } = await sql<SealedKey>`
    select kid, private_key_encrypted as "privateKeyEncrypted" from signing_keys
     where private_key_encrypted is not null and encryption_key_id <> ${encryptionKeyId}
       for update`.execute(tx)
  return rows
}

/** Stores the same private part, sealed with another key. */
export async function resealSigningKey(
  tx: Transaction<Database>,
  { kid, privateKeyEncrypted }: SealedKey,
  encryptionKeyId: string,
): Promise<void> {
  await tx
    .updateTable('signing_keys')
    .set({ private_key_encrypted: privateKeyEncrypted, encryption_key_id: encryptionKeyId })
    .where('kid', '=', kid)
    .execute()
}
