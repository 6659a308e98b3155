import { type Kysely, sql, type Transaction } from 'kysely'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface KnownImport {
  bodyHash: string
  itemIds: string[]
}

interface ImportKey {
  sellerId: string
  key: string
}

/** What was imported under this key. */
export async function readImport(
  db: Executor,
  { sellerId, key }: ImportKey,
): Promise<KnownImport | undefined> {
  return db
    .selectFrom('item_imports')
    .select(['body_hash as bodyHash', 'item_ids as itemIds'])
    .where('seller_id', '=', sellerId)
    .where('idempotency_key', '=', key)
    .executeTakeFirst()
}

/** Claims the key. Waits for another request with the same key; false when that one committed. */
export async function claimImport(
  tx: Transaction<Database>,
  { sellerId, key, bodyHash, itemIds }: ImportKey & KnownImport,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('item_imports')
    .values({
      seller_id: sellerId,
      idempotency_key: key,
      body_hash: bodyHash,
      item_ids: itemIds,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

/** Deletes a batch of old keys; returns how many. */
export async function purgeImports(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from item_imports where (seller_id, idempotency_key) in (
      select seller_id, idempotency_key from item_imports
      where imported_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by imported_at limit ${limit})`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
