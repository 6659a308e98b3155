import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Database } from './schema.ts'

/** One line of a lot's public history. */
export interface HistoryRow {
  bidId: string
  bidderNumber: number
  kind: 'manual' | 'proxy' | 'auto'
  outcome: 'leading' | 'outbid'
  /** What this bid visibly stood at; never a maximum that is still hidden. */
  amount: bigint
  sequence: number
  decidedAtMs: number
}

/**
 * Newest first, `limit` bids and the counter-bids that answered them, without silent raises (R-BID-6). A
 * beaten bid shows its maximum: the price is at or above it already. A leading one shows the price it made.
 * The index bids_in_order takes "any" of truth values as keys, and <> as a filter over all raises of a sequence.
 */
export async function readHistory(
  db: Kysely<Database>,
  itemId: string,
  beforeSequence: number | undefined,
  limit: number,
): Promise<HistoryRow[]> {
  const { rows } = await sql<HistoryRow>`
    select id as "bidId", lb.number as "bidderNumber",
      case when kind = 'auto' then 'auto' else 'manual' end as kind, outcome,
      case when outcome = 'outbid' then max_amount else price end as amount,
      sequence::float8 as sequence, (extract(epoch from decided_at) * 1000)::float8 as "decidedAtMs"
    from bids join lot_bidders lb using (item_id, bidder_id)
    where item_id = ${itemId} and (kind = 'auto') = any ('{f,t}') and silent_raise = 0 and sequence in (
      with recursive places as (
        ${lastPlace(itemId, beforeSequence === undefined ? sql`true` : sql`sequence < ${beforeSequence}`)}
        union all
        select earlier.sequence from places
        cross join lateral ${lastPlace(itemId, sql`sequence < places.sequence`)} earlier
      )
      select sequence from places where exists (
        select 1 from bids where item_id = ${itemId} and bids.sequence = places.sequence
          and (kind = 'auto') = any ('{f}') and silent_raise = 0
      ) limit ${limit}
    )
    order by sequence desc, (kind = 'auto') desc
  `.execute(db)
  return rows
}

/**
 * The last sequence of a lot below some bound. The history goes from one to the next, so that it skips silent raises,
 * of which any number repeat a sequence.
 */
const lastPlace = (itemId: string, isBelow: RawBuilder<unknown>) => sql`(
  select sequence from bids where item_id = ${itemId} and sequence is not null and ${isBelow}
  order by sequence desc limit 1)`

export const BID_STATUSES = ['leading', 'outbid', 'won', 'lost'] as const
/** The place of a bidder on a lot. */
export type BidStatus = (typeof BID_STATUSES)[number]

const bidStatusFor = (bidderId: string) => sql<BidStatus>`case
  when l.winner_id = ${bidderId} then 'won'
  when l.phase in ('closed', 'cancelled') then 'lost'
  when l.leader_id = ${bidderId} then 'leading' else 'outbid' end`

/** One lot on which a bidder has bid, with that bidder's own maximum. */
export interface MyBidRow {
  itemId: string
  currencyCode: string
  status: BidStatus
  endsAtMs: number
  currentPrice: bigint
  finalAmount: bigint | null
  myMaxAmount: bigint
  myBidAtMs: number
  myBidId: string
  reserveMet: boolean
  sequence: number
}

export interface MyBidsPage {
  rows: MyBidRow[]
  /** Where the next page begins; absent after the last one. */
  nextBefore: string | undefined
}

// A page reads at most so many bids of the bidder, newest first; when most of them are on few lots, or of
// another status, it is shorter than it was asked for, or empty.
const READ_BIDS_MAX = 1_000

/**
 * The bidder's lots, the one bid on last first, of one status or of all; `before` is the id of the
 * last bid of a page. A lot is found by its last bid: the bidder's bids are walked through, newest first, and
 * those that are not the last of their lot are left out.
 */
export async function readMyBids(
  db: Kysely<Database>,
  bidderId: string,
  page: { status: BidStatus | undefined; before: string | undefined; limit: number },
): Promise<MyBidsPage> {
  const { status = null, before = null, limit } = page
  const { rows } = await sql<MyBidRow>`
    select l.item_id as "itemId", l.currency_code as "currencyCode",
      ${bidStatusFor(bidderId)} as status,
      (extract(epoch from l.ends_at) * 1000)::float8 as "endsAtMs",
      l.current_price as "currentPrice", l.final_amount as "finalAmount",
      case when l.leader_id = ${bidderId} then l.leader_max else mine.max_amount end
        as "myMaxAmount",
      (extract(epoch from mine.decided_at) * 1000)::float8 as "myBidAtMs",
      mine.id as "myBidId", l.reserve_met as "reserveMet", l.sequence::float8 as sequence
    from (${recentBids(bidderId, before)}) recent
    cross join lateral (
      select id, max_amount, decided_at from bids
      where bidder_id = ${bidderId} and item_id = recent.item_id
        and sequence is not null and kind <> 'auto'
      order by sequence desc, silent_raise desc limit 1
    ) mine
    join lots l on l.item_id = recent.item_id
    where mine.id = recent.id
      and (${status}::text is null or ${bidStatusFor(bidderId)} = ${status})
    order by recent.id desc
    limit ${limit}
  `.execute(db)
  if (rows.length === limit) return { rows, nextBefore: rows.at(-1)?.myBidId }
  return { rows, nextBefore: await readLastOfPage(db, bidderId, before) }
}

const recentBids = (bidderId: string, before: string | null) => sql`
  select id, item_id from bids
  where bidder_id = ${bidderId} and sequence is not null and kind <> 'auto'
    and id < coalesce(${before}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  order by id desc limit ${READ_BIDS_MAX}`

/** The oldest bid that a page reads at most; undefined when there are no older ones. */
async function readLastOfPage(
  db: Kysely<Database>,
  bidderId: string,
  before: string | null,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from (${recentBids(bidderId, before)}) recent
    order by id desc offset ${READ_BIDS_MAX - 1} limit 1`.execute(db)
  return rows[0]?.id
}

/** How one user stands on one lot. */
export interface OwnStandingRow {
  isSeller: boolean
  isBlocked: boolean
  isReservedForMe: boolean
  currencyCode: string
  sequence: number
  /** Null for users who never bid on it. */
  bidderNumber: number | null
  status: BidStatus
  myMaxAmount: bigint | null
}

/** Undefined when there is no such lot. */
export async function readOwnStanding(
  db: Kysely<Database>,
  itemId: string,
  userId: string,
): Promise<OwnStandingRow | undefined> {
  const { rows } = await sql<OwnStandingRow>`
    select l.seller_id = ${userId} as "isSeller",
      l.phase = 'reserved' and l.reserved_for = ${userId} as "isReservedForMe", l.currency_code as "currencyCode",
      l.sequence::float8 as sequence, lb.number as "bidderNumber",
      ${bidStatusFor(userId)} as status,
      case when l.leader_id = ${userId} then l.leader_max else mine.max_amount end as "myMaxAmount",
      exists (
        select from seller_blocks b where b.seller_id = l.seller_id and b.bidder_id = ${userId}
      ) as "isBlocked"
    from lots l
    left join lot_bidders lb on lb.item_id = l.item_id and lb.bidder_id = ${userId}
    left join lateral (
      select max_amount from bids
      where bidder_id = ${userId} and item_id = l.item_id and sequence is not null and kind <> 'auto'
      order by sequence desc, silent_raise desc limit 1
    ) mine on true
    where l.item_id = ${itemId}`.execute(db)
  return rows[0]
}

const COUNTED_LOTS_MAX = 1_000

export interface MyBidCounts {
  counts: Record<BidStatus, number>
  /** False when the bidder may have bid on more lots than are counted. */
  isCountExact: boolean
}

/** How many lots a bidder has in each status, of the thousand that were listed last: a page does not wait for years of bids. */
export async function countMyBids(db: Kysely<Database>, bidderId: string): Promise<MyBidCounts> {
  const { rows } = await sql<{ status: BidStatus; count: number }>`
    select ${bidStatusFor(bidderId)} as status, count(*)::int as count
      from (
        select item_id from lot_bidders where bidder_id = ${bidderId}
        order by item_id desc limit ${COUNTED_LOTS_MAX}
      ) b join lots l on l.item_id = b.item_id
     group by 1`.execute(db)
  const counts = { leading: 0, outbid: 0, won: 0, lost: 0 }
  let counted = 0
  for (const { status, count } of rows) {
    counts[status] = count
    counted += count
  }
  return { counts, isCountExact: counted < COUNTED_LOTS_MAX }
}
