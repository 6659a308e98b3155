import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
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

export type BlockOutcome = 'blocked' | 'too_many' | 'seller_gone' | 'bidder_gone'

/**
 * Blocks a bidder; again changes nothing. That a numbered bidder's account is gone is not reported:
 * it would reveal something about who that was.
 */
export async function insertBlock(
  db: Kysely<Database>,
  sellerId: string,
  bidderId: string,
  as: BlockedBidder,
  blocksMax: number,
): Promise<BlockOutcome> {
  return db.transaction().execute(async (tx) => {
    // One at a time for each seller, or two requests would both take the last place.
    await sql`select pg_advisory_xact_lock(hashtextextended(${sellerId}, ${ADVISORY_LOCKS.blocksOfSeller}))`.execute(
      tx,
    )
    await lockAccounts(tx, [sellerId, bidderId], 'shared')
    const gone = await readGone(tx, [sellerId, bidderId])
    if (gone.has(sellerId)) return 'seller_gone'
    if (gone.has(bidderId) && 'userId' in as) return 'bidder_gone'
    if ((await named(tx, sellerId, as).executeTakeFirst()) !== undefined) return 'blocked'
    const { count } = await tx
      .selectFrom('seller_blocks')
      .select((eb) => eb.fn.countAll<bigint>().as('count'))
      .where('seller_id', '=', sellerId)
      .executeTakeFirstOrThrow()
    if (count >= blocksMax) return 'too_many'
    await tx
      .insertInto('seller_blocks')
      .values({
        seller_id: sellerId,
        bidder_id: gone.has(bidderId) ? sql<string>`gen_random_uuid()` : bidderId,
        item_id: 'itemId' in as ? as.itemId : null,
        bidder_number: 'number' in as ? as.number : null,
      })
      .execute()
    return 'blocked'
  })
}

/**
 * Holds accounts as they are until the commit: `shared` to write a block of them, `exclusive` to
 * erase their blocks; taken before reading or writing. In id order, so there is no deadlock.
 */
export async function lockAccounts(
  tx: Transaction<Database>,
  userIds: readonly string[],
  as: 'shared' | 'exclusive',
): Promise<void> {
  const lock = sql.raw(`pg_advisory_xact_lock${as === 'shared' ? '_shared' : ''}`)
  for (const userId of [...new Set(userIds)].sort()) {
    await sql`select ${lock}(hashtextextended(${userId}, ${ADVISORY_LOCKS.blockedAccount}))`.execute(
      tx,
    )
  }
}

async function readGone(tx: Transaction<Database>, userIds: string[]): Promise<Set<string>> {
  const rows = await tx
    .selectFrom('bidder_standings')
    .select('user_id')
    .where('user_id', 'in', userIds)
    .where('standing', '=', 'deleted')
    .execute()
  return new Set(rows.map((row) => row.user_id))
}

function named(db: Kysely<Database>, sellerId: string, as: BlockedBidder) {
  return db
    .selectFrom('seller_blocks')
    .select('created_at')
    .where('seller_id', '=', sellerId)
    .where(isNamed(as))
}

function isNamed(as: BlockedBidder) {
  return 'userId' in as
    ? sql<boolean>`bidder_id = ${as.userId} and item_id is null`
    : sql<boolean>`item_id = ${as.itemId} and bidder_number = ${as.number}`
}

/** Deletes the block of a bidder under this name; a block under his other name stays. */
export async function deleteBlock(
  db: Kysely<Database>,
  sellerId: string,
  as: BlockedBidder,
): Promise<void> {
  await db
    .deleteFrom('seller_blocks')
    .where('seller_id', '=', sellerId)
    .where(isNamed(as))
    .execute()
}

/** The blocks of a seller, the latest first. An account blocked by its number stays unnamed. */
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

/** The seller of a lot, and the bidder with that number on it. */
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

/**
 * Erases deleted accounts from the blocks. A block by number stays with a random id in the place of
 * the account: if it were deleted, the seller would see whose number it was.
 */
export async function forgetBlocksOf(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  const ids = sql`${[...userIds]}::uuid[]`
  await sql`
    delete from seller_blocks
     where seller_id = any(${ids}) or (bidder_id = any(${ids}) and item_id is null)`.execute(tx)
  await sql`
    update seller_blocks set bidder_id = gen_random_uuid() where bidder_id = any(${ids})`.execute(
    tx,
  )
}
