import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from './schema.ts'

/** A bidder as a seller names one: by account, or as "bidder 3" of one of the own lots. */
export type BlockedBidder =
  | { readonly userId: string }
  | { readonly itemId: string; readonly number: number }

export interface Block {
  userId: string | null
  itemId: string | null
  number: number | null
  blockedAt: Date
}

/**
 * Blocks a bidder; again changes nothing. False when the seller has as many blocks as may be, which
 * two requests at once may pass by one.
 */
export async function insertBlock(
  db: Kysely<Database>,
  sellerId: string,
  bidderId: string,
  as: BlockedBidder,
  blocksMax: number,
): Promise<boolean> {
  const itemId = 'itemId' in as ? as.itemId : null
  const number = 'number' in as ? as.number : null
  const { rows } = await sql<{ isBlocked: boolean }>`
    with mine as (select bidder_id, item_id from seller_blocks where seller_id = ${sellerId}),
    added as (
      insert into seller_blocks (seller_id, bidder_id, item_id, bidder_number)
      select ${sellerId}::uuid, ${bidderId}::uuid, ${itemId}::uuid, ${number}::integer
        where (select count(*) from mine) < ${blocksMax}
      on conflict do nothing
    )
    select (select count(*) from mine) < ${blocksMax} or exists (
      select 1 from mine
       where bidder_id = ${bidderId} and item_id is not distinct from ${itemId}::uuid
    ) as "isBlocked"`.execute(db)
  return rows[0]?.isBlocked ?? false
}

/** Takes the bids of somebody again, as far as this name of theirs goes. */
export async function deleteBlock(
  db: Kysely<Database>,
  sellerId: string,
  as: BlockedBidder,
): Promise<void> {
  const named =
    'userId' in as
      ? sql<boolean>`bidder_id = ${as.userId} and item_id is null`
      : sql<boolean>`item_id = ${as.itemId} and bidder_number = ${as.number}`
  await db.deleteFrom('seller_blocks').where('seller_id', '=', sellerId).where(named).execute()
}

/** Whom a seller has blocked, the latest first. An account blocked by its number stays unnamed. */
export async function readBlocks(db: Kysely<Database>, sellerId: string): Promise<Block[]> {
  return db
    .selectFrom('seller_blocks')
    .select(['item_id as itemId', 'bidder_number as number', 'created_at as blockedAt'])
    .select(sql<string | null>`case when item_id is null then bidder_id end`.as('userId'))
    .where('seller_id', '=', sellerId)
    .orderBy('created_at', 'desc')
    .orderBy('bidder_id')
    .execute()
}

/** The seller of a lot, and who has that number on it. */
export async function readNumberedBidder(
  db: Kysely<Database>,
  itemId: string,
  number: number,
): Promise<{ sellerId: string; bidderId: string | null } | undefined> {
  return db
    .selectFrom('lots')
    .leftJoin('lot_bidders', (join) =>
      join.onRef('lot_bidders.item_id', '=', 'lots.item_id').on('lot_bidders.number', '=', number),
    )
    .select(['lots.seller_id as sellerId', 'lot_bidders.bidder_id as bidderId'])
    .where('lots.item_id', '=', itemId)
    .executeTakeFirst()
}

/** Nobody is left to block, or to be blocked. */
export async function deleteBlocksOf(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  const ids = sql`${[...userIds]}::uuid[]`
  await sql`
    delete from seller_blocks where seller_id = any(${ids}) or bidder_id = any(${ids})`.execute(tx)
}
