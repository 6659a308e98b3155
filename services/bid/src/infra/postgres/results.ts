import { type Kysely, sql, type Transaction } from 'kysely'
import type { Lot } from '#src/domain/lot.ts'
import type { Database } from './schema.ts'

/**
 * Records how a round ended and closes the lot. The primary key (item, round) is the last line of
 * defence: a second closing of the same round fails here and takes its whole transaction with it.
 */
export async function recordClosing(
  tx: Transaction<Database>,
  lot: Lot,
  closedAtMs: number,
): Promise<void> {
  const closedAt = new Date(closedAtMs)
  await tx
    .insertInto('results')
    .values({
      item_id: lot.itemId,
      round: lot.round,
      outcome: lot.outcome ?? 'no_bids',
      winner_id: lot.winnerId,
      final_amount: lot.finalAmount,
      bid_id: lot.winnerId === null ? null : lot.leaderBidId,
      bid_count: lot.bidCount,
      closed_at: closedAt,
    })
    .execute()
  await tx
    .updateTable('lots')
    .set({
      phase: lot.phase,
      outcome: lot.outcome,
      winner_id: lot.winnerId,
      final_amount: lot.finalAmount,
      buy_now_available: lot.buyNowAvailable,
      sequence: BigInt(lot.sequence),
      closed_at: closedAt,
      updated_at: sql`clock_timestamp()`,
    })
    .where('item_id', '=', lot.itemId)
    .execute()
}

/** All who bid on the lot, in the order in which they joined. */
export async function readBidders(tx: Transaction<Database>, itemId: string): Promise<string[]> {
  const rows = await tx
    .selectFrom('lot_bidders')
    .select('bidder_id')
    .where('item_id', '=', itemId)
    .orderBy('number')
    .execute()
  return rows.map((row) => row.bidder_id)
}

export interface ClosingBacklog {
  openLots: number
  /** Of those, how many end within the next two minutes: the work that is about to come. */
  endingSoon: number
  /** Age of the oldest end that should have been closed. */
  overdueSeconds: number
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
        as "overdueSeconds"
  `.execute(db)
  return rows[0] ?? { openLots: 0, endingSoon: 0, overdueSeconds: 0 }
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
