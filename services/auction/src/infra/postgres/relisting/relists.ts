import { type Kysely, sql, type Transaction } from 'kysely'
import type { ItemContent } from '#src/domain/item.ts'
import type { RelistPlan } from '#src/domain/relist.ts'
import { clock, insertItem, type ReadItem, toReadItem } from '#src/infra/postgres/item/items.ts'
import type { StoredTrace } from '#src/infra/postgres/lot-terms/terms.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** A relist that bid has yet to allow, or that is done. */
export interface Relist {
  itemId: string
  newItemId: string
  isAutomatic: boolean
  changes: Record<string, unknown>
  idempotencyKey: string | null
  trace: StoredTrace
  isDone: boolean
}

const RELIST = sql`item_id as "itemId", new_item_id as "newItemId", is_automatic as "isAutomatic", changes,
  idempotency_key as "idempotencyKey", trace, done_at is not null as "isDone"`

/** The relist of an item whose lock the caller holds. */
export async function readRelist(
  tx: Transaction<Database>,
  itemId: string,
): Promise<Relist | undefined> {
  const { rows } = await sql<Relist>`
    select ${RELIST} from relists where item_id = ${itemId}`.execute(tx)
  return rows[0]
}

/** Records the intent, before bid is asked. */
export async function insertRelist(
  tx: Transaction<Database>,
  relist: Omit<Relist, 'isDone'>,
): Promise<void> {
  await tx
    .insertInto('relists')
    .values({
      item_id: relist.itemId,
      new_item_id: relist.newItemId,
      is_automatic: relist.isAutomatic,
      changes: JSON.stringify(relist.changes),
      idempotency_key: relist.idempotencyKey,
      trace: JSON.stringify(relist.trace),
    })
    .execute()
}

/** Gives an intent the new item that bid knows. Another process may have done so, or deleted it. */
export async function adoptNewItem(
  db: Kysely<Database>,
  { itemId, newItemId }: Pick<Relist, 'itemId' | 'newItemId'>,
  knownItemId: string,
): Promise<void> {
  await db
    .updateTable('relists')
    .set({ new_item_id: knownItemId })
    .where('item_id', '=', itemId)
    .where('new_item_id', '=', newItemId)
    .where('done_at', 'is', null)
    .execute()
}

/** Deletes an intent that bid did not allow. */
export async function deleteRelist(db: Kysely<Database>, relist: Relist): Promise<void> {
  await db
    .deleteFrom('relists')
    .where('item_id', '=', relist.itemId)
    .where('new_item_id', '=', relist.newItemId)
    .where('done_at', 'is', null)
    .execute()
}

/**
 * Intents whose last attempt is so old; marked as attempted, so that replicas do not share one. What fails again and again is tried
 * less and less often, every ten minutes at last, and that of an item that moderators hide when it is shown again.
 */
export async function takePendingRelists(
  db: Kysely<Database>,
  idleMs: number,
  limit: number,
): Promise<Relist[]> {
  const { rows } = await sql<Relist & { isHidden: boolean }>`
    with due as (
      select item_id as id from relists
      where done_at is null
        and attempted_at <= statement_timestamp() - make_interval(secs => ${idleMs / 1_000})
      order by attempted_at limit ${limit} for update skip locked
    )
    update relists set attempted_at = clock_timestamp() + case when items.status = 'removed' then interval '0'
      else least(clock_timestamp() - requested_at, interval '10 minutes') end
    from due join items on items.id = due.id
    where item_id = due.id
    returning ${RELIST}, items.status = 'removed' as "isHidden"`.execute(db)
  return rows.filter(({ isHidden }) => !isHidden)
}

/**
 * Items that may be relisted by themselves now, each with its seller; kept from other workers for a minute. Not those of sellers
 * who have left.
 */
export async function takeItemsToRelist(
  db: Kysely<Database>,
  limit: number,
): Promise<{ itemId: string; sellerId: string }[]> {
  const { rows } = await sql<{ itemId: string; sellerId: string }>`
    with due as (
      select id from items
      where status = 'expired' and auto_relists > 0 and relisted_as is null
        and relist_after <= statement_timestamp()
      order by relist_after limit ${limit} for update skip locked
    )
    update items i set relist_after = clock_timestamp() + interval '1 minute' from due
    where i.id = due.id
    returning i.id as "itemId", i.seller_id as "sellerId"`.execute(db)
  return rows
}

/** Bid is asked again at this instant, or in a minute: an offer may end before its time. */
export async function waitWithRelist(
  db: Kysely<Database>,
  itemId: string,
  notBefore: Date | undefined,
): Promise<void> {
  await sql`
    update items set relist_after = coalesce(${notBefore ?? null}::timestamptz,
      clock_timestamp() + interval '1 minute')
    where id = ${itemId}`.execute(db)
}

/** The item is not relisted by itself any more. */
export async function forgetPlan(db: Kysely<Database>, itemId: string): Promise<void> {
  await db
    .updateTable('items')
    .set({ auto_relists: 0 })
    .where('id', '=', itemId)
    .where('relisted_as', 'is', null)
    .execute()
}

/** Nothing of a seller who has left is relisted. */
export async function forgetPlansOf(tx: Transaction<Database>, sellerId: string): Promise<void> {
  await tx
    .updateTable('items')
    .set({ auto_relists: 0 })
    .where('seller_id', '=', sellerId)
    .where('auto_relists', '>', 0)
    .execute()
}

/** Whether a user's account is gone. */
export async function hasLeft(tx: Transaction<Database>, userId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('departed_users')
    .select('user_id')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row !== undefined
}

/** Stores how a locked item goes into new rounds. */
export async function setPlan(
  tx: Transaction<Database>,
  itemId: string,
  { autoRelists, relistPriceDropPercent }: RelistPlan,
): Promise<ReadItem> {
  const row = await tx
    .updateTable('items')
    .set((eb) => ({
      auto_relists: autoRelists,
      relist_price_drop_percent: relistPriceDropPercent,
      relist_after: sql<Date>`'-infinity'`,
      version: eb('version', '+', 1),
      updated_at: sql<Date>`clock_timestamp()`,
    }))
    .where('id', '=', itemId)
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  return toReadItem(row)
}

export interface NewRound {
  newItemId: string
  itemId: string
  sellerId: string
  round: number
  content: ItemContent
  plan: RelistPlan
}

/** Stores the item of a new round as a draft, with the categories and attributes of the one before. */
export async function insertRound(tx: Transaction<Database>, next: NewRound): Promise<ReadItem> {
  await insertItem(tx, next.newItemId, next.sellerId, next.content, 1)
  const row = await tx
    .updateTable('items')
    .set({
      round: next.round,
      relist_of: next.itemId,
      auto_relists: next.plan.autoRelists,
      relist_price_drop_percent: next.plan.relistPriceDropPercent,
      category_ids: sql<string[]>`(select category_ids from items where id = ${next.itemId})`,
    })
    .where('id', '=', next.newItemId)
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  await sql`
    insert into item_attributes (id, item_id, key, value, number)
    select gen_random_uuid(), ${next.newItemId}, key, value, number
    from item_attributes where item_id = ${next.itemId}`.execute(tx)
  return toReadItem(row)
}

/** A relist is done. Another one of the item, which bid has to judge yet, is not. */
export async function endRelist(
  tx: Transaction<Database>,
  { itemId, newItemId }: Pick<Relist, 'itemId' | 'newItemId'>,
): Promise<void> {
  await tx
    .updateTable('relists')
    .set({ done_at: sql<Date>`clock_timestamp()` })
    .where('item_id', '=', itemId)
    .where('new_item_id', '=', newItemId)
    .where('done_at', 'is', null)
    .execute()
}

/** Records on a locked item what it went on as, and that its relist is done; events of it follow. */
export async function finishRelist(
  tx: Transaction<Database>,
  { itemId, newItemId }: Pick<Relist, 'itemId' | 'newItemId'>,
  eventCount: number,
): Promise<ReadItem> {
  await endRelist(tx, { itemId, newItemId })
  const row = await tx
    .updateTable('items')
    .set({
      relisted_as: newItemId,
      event_sequence: sql<bigint>`event_sequence + ${eventCount}`,
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', itemId)
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  return toReadItem(row)
}

/** All who watch an item. */
export async function readWatcherIds(tx: Transaction<Database>, itemId: string): Promise<string[]> {
  const rows = await tx
    .selectFrom('watches')
    .select('user_id')
    .where('item_id', '=', itemId)
    .orderBy('user_id')
    .execute()
  return rows.map(({ user_id }) => user_id)
}
