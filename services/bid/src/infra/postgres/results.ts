import { type Kysely, sql, type Transaction } from 'kysely'
import type { Lot } from '#src/domain/lot.ts'
import { ColumnArray } from './column-array.ts'
import type { Database } from './schema.ts'

/**
 * Records how rounds ended and closes their lots, in one statement. The primary key (item, round)
 * is the last line of defence: a second closing of the same round fails here and takes its whole
 * transaction with it.
 */
export async function recordClosings(
  tx: Transaction<Database>,
  lots: readonly Lot[],
  closedAtMs: number,
): Promise<void> {
  if (lots.length === 0) return
  const columns = new ColumnArray(9)
  for (const lot of lots) {
    columns.push(
      lot.itemId,
      lot.round,
      lot.outcome ?? 'no_bids',
      lot.winnerId,
      lot.finalAmount,
      lot.outcome === 'sold' ? lot.leaderBidId : null,
      lot.bidCount,
      lot.sequence,
      lot.phase,
    )
  }
  const [ids, rounds, outcomes, winners, amounts, bids, counts, sequences, phases] =
    columns.literals()
  await sql`
    with closed as (
      select * from unnest(${ids}::uuid[], ${rounds}::int[], ${outcomes}::text[],
        ${winners}::uuid[], ${amounts}::bigint[], ${bids}::uuid[], ${counts}::int[],
        ${sequences}::bigint[], ${phases}::text[])
        as t(item_id, round, outcome, winner_id, final_amount, bid_id, bid_count, sequence, phase)
    ), recorded as (
      insert into results
        (item_id, round, outcome, winner_id, final_amount, bid_id, bid_count, closed_at)
      select item_id, round, outcome, winner_id, final_amount, bid_id, bid_count,
        ${new Date(closedAtMs)}::timestamptz
      from closed
    )
    update lots set phase = closed.phase, outcome = closed.outcome, winner_id = closed.winner_id,
      final_amount = closed.final_amount, buy_now_available = false, reserved_for = null,
      reserved_until = null, sequence = closed.sequence,
      closed_at = ${new Date(closedAtMs)}::timestamptz, updated_at = clock_timestamp()
    from closed where lots.item_id = closed.item_id
  `.execute(tx)
}

/** All who bid on each of the lots, in the order in which they joined. */
export async function readBidders(
  tx: Transaction<Database>,
  itemIds: readonly string[],
): Promise<Map<string, string[]>> {
  const bidders = new Map<string, string[]>()
  if (itemIds.length === 0) return bidders
  const rows = await tx
    .selectFrom('lot_bidders')
    .select(['item_id', 'bidder_id'])
    .where('item_id', 'in', itemIds)
    .orderBy('item_id')
    .orderBy('number')
    .execute()
  for (const { item_id, bidder_id } of rows) {
    const ofLot = bidders.get(item_id) ?? []
    ofLot.push(bidder_id)
    bidders.set(item_id, ofLot)
  }
  return bidders
}

/**
 * Of each lot with a winner, the last bid of the winner that all may see. A silent raise after it may have
 * set the maximum, but that one is shown to no one else (R-BID-6).
 */
export async function readShownBids(
  tx: Transaction<Database>,
  lots: readonly Pick<Lot, 'itemId' | 'winnerId'>[],
): Promise<Map<string, string>> {
  if (lots.length === 0) return new Map()
  const columns = new ColumnArray(2)
  for (const { itemId, winnerId } of lots) columns.push(itemId, winnerId)
  const [itemIds, winnerIds] = columns.literals()
  const { rows } = await sql<{ itemId: string; bidId: string }>`
    select won.item_id as "itemId", shown.id as "bidId"
    from unnest(${itemIds}::uuid[], ${winnerIds}::uuid[]) as won(item_id, winner_id)
    cross join lateral (
      select id from bids b
      where b.bidder_id = won.winner_id and b.item_id = won.item_id
        and b.sequence is not null and b.kind <> 'auto' and b.silent_raise = 0
      order by b.sequence desc limit 1
    ) shown
  `.execute(tx)
  return new Map(rows.map(({ itemId, bidId }) => [itemId, bidId]))
}

export interface ClosingBacklog {
  openLots: number
  /** Of those, how many end within the next two minutes: the work that is about to come. */
  endingSoon: number
  /** Age of the oldest end that should have been closed. */
  overdueSeconds: number
  /** Age of the last proof that bids can be placed; 0 when there was none yet. */
  proofAgeSeconds: number
}

// Every worker asks every ten seconds, so the answer may not cost more at a larger size.
const COUNTED_LOTS_MAX = 10_000

/**
 * How many lots take bids now and what closing has before it. Up to ten thousand lots are counted; of more,
 * the number of open ones is what PostgreSQL last estimated for the index of the closer.
 */
export async function readClosingBacklog(db: Kysely<Database>): Promise<ClosingBacklog> {
  const { rows } = await sql<ClosingBacklog>`
    select greatest(
        (select count(*) from (
          select from lots where phase = 'open' order by ends_at limit ${COUNTED_LOTS_MAX}) counted),
        (select reltuples from pg_class where oid = 'lots_due'::regclass
          and reltuples > ${COUNTED_LOTS_MAX}))::int as "openLots",
      (select count(*) from (
        select from lots where phase = 'open'
          and ends_at <= statement_timestamp() + interval '2 minutes'
        order by ends_at limit ${COUNTED_LOTS_MAX}) counted)::int as "endingSoon",
      greatest(0, coalesce(extract(epoch from statement_timestamp() - (
        select ends_at from lots where phase = 'open' order by ends_at limit 1)), 0))::float8
        as "overdueSeconds",
      greatest(0, coalesce(extract(epoch from statement_timestamp() - (
        select until from bidding_periods order by since desc limit 1)), 0))::float8
        as "proofAgeSeconds"
  `.execute(db)
  return rows[0] ?? { openLots: 0, endingSoon: 0, overdueSeconds: 0, proofAgeSeconds: 0 }
}

/** Deletes refused bids older than the retention, a batch at a time; returns how many. */
export async function purgeRefusedBids(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const result = await sql`
    delete from bids where id in (
      select id from bids
      where outcome = 'refused' and recorded_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by recorded_at limit ${limit}
    )
  `.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

/** Those of some lots whose recorded result is missing, double or another than the lot's own. */
export async function findWrongResults(
  db: Kysely<Database>,
  itemIds: readonly string[],
): Promise<{ itemId: string; results: number }[]> {
  const { rows } = await sql<{ itemId: string; results: number }>`
    select l.item_id as "itemId", count(r.item_id)::int as results
    from lots l
    left join results r on r.item_id = l.item_id and r.round = l.round
    where l.item_id = any(${[...itemIds]}::uuid[])
    group by l.item_id
    having count(r.item_id) <> (case when l.phase = 'closed' then 1 else 0 end)
      or bool_or(r.outcome is distinct from l.outcome and l.phase = 'closed')
      or bool_or(r.winner_id is distinct from l.winner_id and l.phase = 'closed')
  `.execute(db)
  return rows
}
