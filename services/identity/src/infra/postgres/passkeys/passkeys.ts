import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface ListedPasskey {
  id: string
  name: string
  transports: string[]
  isBackedUp: boolean
  createdAt: Date
  lastUsedAt: Date | null
}

export interface StoredPasskey {
  userId: string
  publicKey: Buffer
  counter: number
}

/** The passkeys of a user, oldest first. */
export async function readPasskeys(db: Kysely<Database>, userId: string): Promise<ListedPasskey[]> {
  return db
    .selectFrom('passkeys')
    .select(['id', 'name', 'transports', 'is_backed_up as isBackedUp'])
    .select(['created_at as createdAt', 'last_used_at as lastUsedAt'])
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

export async function readPasskey(
  db: Kysely<Database>,
  id: string,
): Promise<StoredPasskey | undefined> {
  const row = await db
    .selectFrom('passkeys')
    .select(['user_id as userId', 'public_key as publicKey', 'counter'])
    .where('id', '=', id)
    .executeTakeFirst()
  return row && { ...row, counter: Number(row.counter) }
}

export interface InsertedPasskey {
  id: string
  userId: string
  name: string
  publicKey: Buffer
  counter: number
  transports: string[]
  isBackedUp: boolean
}

/** Undefined when the authenticator's id is taken, by any user. */
export async function insertPasskey(
  tx: Transaction<Database>,
  passkey: InsertedPasskey,
): Promise<ListedPasskey | undefined> {
  return tx
    .insertInto('passkeys')
    .values({
      id: passkey.id,
      user_id: passkey.userId,
      name: passkey.name,
      public_key: passkey.publicKey,
      counter: BigInt(passkey.counter),
      transports: passkey.transports,
      is_backed_up: passkey.isBackedUp,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning(['id', 'name', 'transports', 'is_backed_up as isBackedUp'])
    .returning(['created_at as createdAt', 'last_used_at as lastUsedAt'])
    .executeTakeFirst()
}

/** Notes a use. False when the counter did not go up meanwhile, or the passkey is gone. */
export async function usePasskey(
  tx: Transaction<Database>,
  { id, counter, isBackedUp }: { id: string; counter: number; isBackedUp: boolean },
): Promise<boolean> {
  const result = await tx
    .updateTable('passkeys')
    .set({
      counter: BigInt(counter),
      is_backed_up: isBackedUp,
      last_used_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', id)
    .where(sql<boolean>`counter < ${counter} or (counter = 0 and ${counter} = 0)`)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

export async function renamePasskey(
  tx: Transaction<Database>,
  userId: string,
  id: string,
  name: string,
): Promise<void> {
  await tx
    .updateTable('passkeys')
    .set({ name })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .execute()
}

export async function deletePasskey(
  tx: Transaction<Database>,
  userId: string,
  id: string,
): Promise<void> {
  await tx.deleteFrom('passkeys').where('id', '=', id).where('user_id', '=', userId).execute()
}
