import { type ItemSummary, NEXT_PATH } from '@auction/common/contracts/item-summaries.ts'
import {
  type ExpressionBuilder,
  type Kysely,
  type RawBuilder,
  type Selectable,
  sql,
  type Transaction,
} from 'kysely'
import { DEPTH_MAX } from '#src/domain/category.ts'
import type { Item, ItemContent, ItemStatus } from '#src/domain/item.ts'
import type { Database, ItemsTable } from '#src/infra/postgres/schema.ts'

export type Executor = Kysely<Database> | Transaction<Database>

/** An item with the time on the database's clock when it was read. */
export interface ReadItem {
  item: Item
  now: Date
  /** Of the item's latest event; the emitter of the next ones holds the row's lock. */
  eventSequence: bigint
}

export type ItemRow = Selectable<ItemsTable>

/** Reads one item, as it stands. */
export async function readItem(db: Executor, id: string): Promise<ReadItem | undefined> {
  const row = await db
    .selectFrom('items')
    .selectAll()
    .select(clock)
    .where('id', '=', id)
    .executeTakeFirst()
  return row === undefined ? undefined : toReadItem(row)
}

/** Items by id, as they are now in this transaction. */
export async function readItems(
  tx: Transaction<Database>,
  ids: readonly string[],
): Promise<ReadItem[]> {
  const rows = await tx
    .selectFrom('items')
    .selectAll()
    .select(clock)
    .where('id', 'in', [...ids])
    .orderBy('id')
    .execute()
  return rows.map(toReadItem)
}

/**
 * What these items are called, who sells them and in which categories they are, or were at the instant that stands at their
 * place in `soldAt`; those that are not known are left out.
 */
export async function readSummaries(
  db: Executor,
  ids: readonly string[],
  soldAt: readonly string[] = [],
): Promise<ItemSummary[]> {
  const rows = await db
    .selectFrom('items')
    .select(['id', 'seller_id', 'name', 'currency_code', 'event_sequence'])
    .select(lineageAt(instantOf(ids, soldAt)).as('lineage'))
    .where('id', 'in', [...ids])
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    sellerId: row.seller_id,
    name: row.name,
    currencyCode: row.currency_code,
    sequence: Number(row.event_sequence),
    categoryIds: row.lineage,
  }))
}

/** The instant of an item's sale; without one nothing that was before counts. */
const instantOf = (ids: readonly string[], soldAt: readonly string[]) => sql`coalesce((
  select at from unnest(${[...ids]}::uuid[], ${[...soldAt]}::timestamptz[]) as sale (id, at)
  where sale.id = items.id order by at limit 1), 'infinity')`

/**
 * Each category of an item with those above it, path after path, as they were at an instant: what is kept of before holds until
 * its own. No path is longer than the tree is deep, also if the clock was ever set back.
 */
const lineageAt = (at: RawBuilder<unknown>) => sql<string[]>`(
  with recursive sale (at) as materialized (select ${at}::timestamptz),
  own (id, place) as (
    select id, place from unnest(coalesce(
      (select category_ids from item_categories_before before, sale
       where before.item_id = items.id and before.until > sale.at order by before.until limit 1),
      items.category_ids)) with ordinality as categories (id, place)
  ),
  above (id, distance, place) as (
    select id, 0, place from own
    union all
    select parent.id, above.distance + 1, above.place
    from above cross join lateral (
      select case when before.category_id is null then c.parent_id else before.parent_id end as id
      from (select above.id as id) as this
        left join lateral (
          select category_id, parent_id from category_places_before, sale
          where category_id = this.id and until > sale.at order by until limit 1
        ) as before on true
        left join categories c on c.id = this.id
    ) as parent
    where parent.id is not null and above.distance < ${DEPTH_MAX - 1}
  )
  select coalesce(array_agg(id order by place, distance), '{}')
  from (
    select id, distance, place from above
    union all
    select ${NEXT_PATH}::uuid, -1, place from own where place > 1
  ) as paths
)`

/** How many of these items are known here. */
export async function countKnownItems(db: Executor, itemIds: readonly string[]): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from items where id = any(${[...itemIds]}::uuid[])`.execute(db)
  return rows[0]?.count ?? 0
}

/** How many items of this seller are published and not over yet. */
export async function countForSale(db: Executor, sellerId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from items
     where seller_id = ${sellerId}
       and status in ('scheduled', 'active', 'reserved', 'ended')`.execute(db)
  return rows[0]?.count ?? 0
}

/** Locks the seller's item against events of its bidding and other edits. */
export async function lockOwnItem(
  tx: Transaction<Database>,
  id: string,
  sellerId: string,
): Promise<ReadItem | undefined> {
  await tx
    .selectFrom('items')
    .select('id')
    .where('id', '=', id)
    .where('seller_id', '=', sellerId)
    .forUpdate()
    .executeTakeFirst()
  // The clock is read after the wait for the lock; before it, the decision would be made in the past.
  const row = await tx
    .selectFrom('items')
    .selectAll()
    .select(clock)
    .where('id', '=', id)
    .where('seller_id', '=', sellerId)
    .executeTakeFirst()
  return row === undefined ? undefined : toReadItem(row)
}

/** Locks an item of any seller. */
export async function lockItem(
  tx: Transaction<Database>,
  id: string,
): Promise<ReadItem | undefined> {
  const row = await tx
    .selectFrom('items')
    .selectAll()
    .select(clock)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  return row === undefined ? undefined : toReadItem(row)
}

/** Stores a new draft. */
export async function insertItem(
  tx: Transaction<Database>,
  id: string,
  sellerId: string,
  content: ItemContent,
  eventCount: number,
): Promise<ReadItem> {
  const row = await tx
    .insertInto('items')
    .values({
      id,
      seller_id: sellerId,
      ...contentColumns(content),
      ...untouchedColumns(content),
      event_sequence: BigInt(eventCount),
    })
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  return toReadItem(row)
}

/** Stores new drafts, each with one event to come, in the order they are given. */
export async function insertItems(
  tx: Transaction<Database>,
  sellerId: string,
  drafts: readonly { id: string; content: ItemContent }[],
): Promise<ReadItem[]> {
  const rows = await tx
    .insertInto('items')
    .values(
      drafts.map(({ id, content }) => ({
        id,
        seller_id: sellerId,
        ...contentColumns(content),
        ...untouchedColumns(content),
        event_sequence: 1n,
      })),
    )
    .returningAll()
    .returning(clock)
    .execute()
  return rows.map(toReadItem)
}

export interface ItemUpdate {
  content: ItemContent
  /** Undefined: the terms stay as they are. */
  termsVersion?: number
  /** The bid service is known to have these terms. */
  isApplied?: boolean
  eventCount: number
}

/**
 * Stores an edit. What bidding owns (price, current end, flags) follows the terms only until the first
 * event of the bidding; from then on the events decide.
 */
export async function updateItem(
  tx: Transaction<Database>,
  id: string,
  { content, termsVersion, isApplied, eventCount }: ItemUpdate,
): Promise<ReadItem> {
  const untouched = untouchedColumns(content)
  const whileUntouched = <C extends keyof typeof untouched>(column: C, condition = sql`true`) =>
    sql<(typeof untouched)[C]>`case
      when bid_sequence = 0 and reserve_sequence = 0 and bid_count = 0 and closed_at is null
        and ${condition}
      then ${untouched[column]} else ${sql.ref(column)} end`
  // Without bids an outage may have extended it, for the end that was chosen before.
  const isEndChosen = sql`(extension_count = 0 or original_end_date <> ${content.endDate})`
  const row = await tx
    .updateTable('items')
    .set((eb) => ({
      ...contentColumns(content),
      end_date: whileUntouched('end_date', isEndChosen),
      current_price: whileUntouched('current_price'),
      reserve_met: whileUntouched('reserve_met'),
      buy_now_available: whileUntouched('buy_now_available'),
      ...(termsVersion === undefined ? {} : { terms_version: termsVersion }),
      ...(termsVersion === undefined || isApplied !== true
        ? {}
        : { terms_applied_version: termsVersion }),
      version: eb('version', '+', 1),
      ...advance(eb, eventCount),
    }))
    .where('id', '=', id)
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  return toReadItem(row)
}

/** Makes a draft public under its first terms. */
export async function publishItem(
  tx: Transaction<Database>,
  id: string,
  status: ItemStatus,
  eventCount: number,
): Promise<ReadItem> {
  const row = await tx
    .updateTable('items')
    .set((eb) => ({
      status,
      terms_version: 1,
      version: eb('version', '+', 1),
      published_at: sql<Date>`clock_timestamp()`,
      terms_attempted_at: sql<Date>`clock_timestamp()`,
      ...advance(eb, eventCount),
    }))
    .where('id', '=', id)
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  return toReadItem(row)
}

/** Counts events that a change of the bidding causes; the caller holds the item's lock. */
export async function countEvents(
  tx: Transaction<Database>,
  itemId: string,
  eventCount: number,
): Promise<ReadItem> {
  const row = await tx
    .updateTable('items')
    .set((eb) => advance(eb, eventCount))
    .where('id', '=', itemId)
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  return toReadItem(row)
}

/** Puts an item into categories; the caller holds its lock and emits the event. */
export async function setCategories(
  tx: Transaction<Database>,
  itemId: string,
  categoryIds: readonly string[],
): Promise<ReadItem> {
  const row = await tx
    .updateTable('items')
    .set((eb) => ({
      category_ids: [...categoryIds],
      version: eb('version', '+', 1),
      ...advance(eb, 1),
    }))
    .where('id', '=', itemId)
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  return toReadItem(row)
}

/** Deletes an item; the caller holds its lock and has checked that it is a draft. */
export async function deleteItem(tx: Transaction<Database>, id: string): Promise<void> {
  await tx.deleteFrom('items').where('id', '=', id).execute()
}

/** Deletes drafts of a user; items that were ever public stay. */
export async function deleteDraftsOf(
  tx: Transaction<Database>,
  userId: string,
  limit: number,
): Promise<ReadItem[]> {
  const rows = await tx
    .deleteFrom('items')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('items')
        .select('id')
        .where('seller_id', '=', userId)
        .where('status', '=', 'draft')
        .orderBy('id')
        .limit(limit)
        .forUpdate(),
    )
    .where('status', '=', 'draft')
    .returningAll()
    .returning(clock)
    .execute()
  return rows.map(toReadItem)
}

function advance(eb: ExpressionBuilder<Database, 'items'>, eventCount: number) {
  return {
    event_sequence: eb('event_sequence', '+', sql.lit(eventCount) as never),
    updated_at: sql<Date>`clock_timestamp()`,
  }
}

export const clock = sql<Date>`clock_timestamp()`.as('server_time')

function contentColumns(content: ItemContent) {
  return {
    name: content.name,
    description: content.description,
    type: content.type,
    currency_code: content.currencyCode,
    start_price: content.startPrice,
    bid_increment: content.bidIncrement,
    reserve_price: content.reservePrice,
    buyout_price: content.buyoutPrice,
    buyout_reservation_minutes: content.buyoutReservationMinutes,
    deposit_amount: content.depositAmount,
    deposit_percent: content.depositPercent,
    start_date: content.startDate,
    original_end_date: content.endDate,
    extension_threshold_minutes: content.extensionThresholdMinutes,
    extension_duration_minutes: content.extensionDurationMinutes,
    extension_mode: content.extensionMode,
    max_extension_minutes: content.maxExtensionMinutes,
    max_extensions: content.maxExtensions,
  }
}

/** The read model before the first bid. */
function untouchedColumns(content: ItemContent) {
  return {
    end_date: content.endDate,
    current_price: content.startPrice,
    reserve_met: content.reservePrice === null,
    buy_now_available: content.buyoutPrice !== null,
  }
}

export function toReadItem(row: ItemRow & { server_time: Date }): ReadItem {
  return { item: toItem(row), now: row.server_time, eventSequence: row.event_sequence }
}

function toItem(row: ItemRow): Item {
  return {
    id: row.id,
    sellerId: row.seller_id,
    name: row.name,
    description: row.description,
    type: row.type,
    currencyCode: row.currency_code,
    startPrice: row.start_price,
    bidIncrement: row.bid_increment,
    reservePrice: row.reserve_price,
    buyoutPrice: row.buyout_price,
    buyoutReservationMinutes: row.buyout_reservation_minutes,
    depositAmount: row.deposit_amount,
    depositPercent: row.deposit_percent,
    startDate: row.start_date,
    endDate: row.original_end_date,
    extensionThresholdMinutes: row.extension_threshold_minutes,
    extensionDurationMinutes: row.extension_duration_minutes,
    extensionMode: row.extension_mode,
    maxExtensionMinutes: row.max_extension_minutes,
    maxExtensions: row.max_extensions,
    status: row.status,
    round: row.round,
    termsVersion: row.terms_version,
    termsAppliedVersion: row.terms_applied_version,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    currentEndDate: row.end_date,
    currentPrice: row.current_price,
    bidCount: row.bid_count,
    reserveMet: row.reserve_met,
    buyNowAvailable: row.buy_now_available,
    outcome: row.outcome,
    endReason: row.end_reason,
    buyerId: row.buyer_id,
    endPrice: row.end_price,
    categoryIds: row.category_ids,
    relistOf: row.relist_of,
    relistedAs: row.relisted_as,
    autoRelists: row.auto_relists,
    relistPriceDropPercent: row.relist_price_drop_percent,
  }
}
