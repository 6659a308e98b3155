import { sql, type Transaction } from 'kysely'
import { PUBLIC_STATUSES } from '#src/domain/item.ts'
import { clock, type Executor, type ReadItem, toReadItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Where a page of a watchlist ended. */
export interface WatchPosition {
  watchedAt: string
  itemId: string
}

export interface WatchedItem extends ReadItem {
  watchedAt: Date
}

/**
 * Watches an item; again changes nothing. False when the user watches as many visible items as allowed.
 * Two requests at the limit may both pass: the limit only prevents floods.
 */
export async function insertWatch(
  db: Executor,
  itemId: string,
  userId: string,
  watchesMax: number,
): Promise<boolean> {
  const { rows } = await sql<{ isWatched: boolean }>`
    with mine as (
      select item_id from watches join items on items.id = item_id
       where user_id = ${userId} and status in (${sql.join(PUBLIC_STATUSES.map(sql.lit))})
    ),
    added as (
      insert into watches (item_id, user_id)
      select ${itemId}::uuid, ${userId}::uuid where (select count(*) from mine) < ${watchesMax}
      on conflict do nothing returning 1
    )
    select exists (select 1 from added) or (select count(*) from mine) < ${watchesMax}
      or exists (select 1 from mine where item_id = ${itemId}) as "isWatched"`.execute(db)
  return rows[0]?.isWatched ?? false
}

/** Watches an item no longer; again changes nothing. */
export async function deleteWatch(db: Executor, itemId: string, userId: string): Promise<void> {
  await db
    .deleteFrom('watches')
    .where('item_id', '=', itemId)
    .where('user_id', '=', userId)
    .execute()
}

/** Counting stops here, because every view of a popular item counts its watchers. */
export const WATCHERS_COUNTED_MAX = 10_000

/** How many users watch an item, and whether this one does. */
export async function readWatchers(
  db: Executor,
  itemId: string,
  viewerId: string | undefined,
): Promise<{ count: number; isWatched: boolean }> {
  const { rows } = await sql<{ count: number; isWatched: boolean }>`
    select (select count(*)::int from (
        select from watches where item_id = ${itemId} limit ${WATCHERS_COUNTED_MAX}
      ) as watchers) as count,
      exists (
        select from watches where item_id = ${itemId} and user_id = ${viewerId ?? null}::uuid
      ) as "isWatched"`.execute(db)
  return rows[0] ?? { count: 0, isWatched: false }
}

/** The items that a user watches, the latest first; items that are not public are left out. */
export async function readWatchlist(
  db: Executor,
  userId: string,
  limit: number,
  after: WatchPosition | undefined,
): Promise<WatchedItem[]> {
  let query = db
    .selectFrom('watches')
    .innerJoin('items', 'items.id', 'watches.item_id')
    .selectAll('items')
    .select('watches.created_at as watched_at')
    .select(clock)
    .where('watches.user_id', '=', userId)
    .where('items.status', 'in', PUBLIC_STATUSES)
  if (after !== undefined) {
    query = query.where(
      sql<boolean>`(watches.created_at, watches.item_id)
        < (${after.watchedAt}::timestamptz, ${after.itemId}::uuid)`,
    )
  }
  const rows = await query
    .orderBy('watches.created_at', 'desc')
    .orderBy('watches.item_id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ ...toReadItem(row), watchedAt: row.watched_at }))
}

/** Deletes the watches of deleted accounts. */
export async function deleteWatchesOf(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  await tx.deleteFrom('watches').where('user_id', 'in', userIds).execute()
}
