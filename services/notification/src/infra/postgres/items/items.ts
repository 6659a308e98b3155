import { arrayLiteral } from '@auction/common/postgres/array-literal.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** What is kept of an item, as of one of its events. */
export interface KnownItem {
  readonly id: string
  readonly sellerId: string
  readonly name: string
  readonly currencyCode: string
  readonly sequence: number
}

/** Writes items, at most one row each. What is not newer than the row changes nothing. */
export async function projectItems(
  db: Kysely<Database>,
  items: readonly KnownItem[],
): Promise<void> {
  await sql`
    insert into items as item (id, seller_id, name, currency_code, sequence)
    select * from unnest(
      ${arrayLiteral(items.map(({ id }) => id))}::uuid[],
      ${arrayLiteral(items.map(({ sellerId }) => sellerId))}::uuid[],
      ${arrayLiteral(items.map(({ name }) => name))}::text[],
      ${arrayLiteral(items.map(({ currencyCode }) => currencyCode))}::text[],
      ${arrayLiteral(items.map(({ sequence }) => sequence))}::bigint[]
    ) as e (id, seller_id, name, currency_code, sequence)
    -- In the order of ids, so that two workers with the same items wait instead of deadlocking.
    order by id
    on conflict (id) do update set
      seller_id = excluded.seller_id, name = excluded.name, currency_code = excluded.currency_code,
      sequence = excluded.sequence, updated_at = clock_timestamp()
    where excluded.sequence > item.sequence`.execute(db)
}

/** The seller of an item; undefined when the item is not known here. */
export async function readSeller(
  tx: Transaction<Database>,
  itemId: string,
): Promise<string | undefined> {
  const row = await tx
    .selectFrom('items')
    .select('seller_id')
    .where('id', '=', itemId)
    .executeTakeFirst()
  return row?.seller_id
}

/** Deletes items without an event for long; they are asked for again when a notice needs them. */
export async function purgeItems(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from items where id in (
      select id from items
      where updated_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by updated_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
