import { type Kysely, sql, type Transaction } from 'kysely'
import type { PublicJwk } from '#src/infra/crypto/signing-key.ts'
import type { Database } from './schema.ts'

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
           encryption_key_id as "encryptionKeyId", activates_at <= clock_timestamp() as "isActive"
      from signing_keys
     where retires_at is null or retires_at > clock_timestamp()
     order by activates_at desc, kid`.execute(db)
  return rows
}

/** One process at a time may make keys, so that two first starts agree on one. */
export async function lockSigningKeys(tx: Transaction<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('identity.signing_keys', 0))`.execute(tx)
}

/** Adds a key that signs at once. */
export async function insertSigningKey(
  tx: Transaction<Database>,
  key: Omit<StoredSigningKey, 'isActive'>,
): Promise<void> {
  await tx
    .insertInto('signing_keys')
    .values({
      kid: key.kid,
      public_jwk: JSON.stringify(key.publicJwk),
      private_key_encrypted: key.privateKeyEncrypted,
      encryption_key_id: key.encryptionKeyId,
      activates_at: sql<Date>`clock_timestamp()`,
    })
    .execute()
}
