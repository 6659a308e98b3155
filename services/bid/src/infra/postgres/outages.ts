import { type Kysely, sql, type Transaction } from 'kysely'
import type { Pool } from 'pg'
import type { OutageEntry } from '#src/domain/ledger.ts'
import type { Lot } from '#src/domain/lot.ts'
import { type BiddingPeriod, OUTAGE_MIN_MS } from '#src/domain/outage.ts'
import { ColumnArray } from './column-array.ts'
import type { Database } from './schema.ts'

// It writes no bid, but takes the locks on tables that a bid needs, and commits. All replicas
// prolong the same row. The clock is read before its lock is waited for, so it may lie behind. A clock
// that was ahead has left periods in the future: they go. One that was set back begins a period beside
// the one that it lies in, which keeps its end, so that no gap is left when the clock is right again.
const RECORD_PROOF = `
  with held_lots as (
    update lots set sequence = sequence where false
  ), held_ledger as (
    insert into bids select * from bids where false
  ), held_outbox as (
    insert into outbox (id, events) select id, events from outbox where false
  ), proof as materialized (
    select clock_timestamp() as at
  ), ahead as (
    delete from bidding_periods using proof where since > proof.at + $1 * interval '1 ms'
  ), last as materialized (
    select since from bidding_periods
    where since <= (select at from proof) order by since desc limit 1
  ), prolonged as (
    update bidding_periods p set until = greatest(p.until, proof.at)
    from proof, last
    where p.since = last.since
      and proof.at between p.until - $1 * interval '1 ms' and p.until + $1 * interval '1 ms'
    returning 1
  )
  insert into bidding_periods (since, until)
  select at, at from proof where not exists (select from prolonged)
  on conflict do nothing`

/**
 * Proves over the connections of bids that a bid could be placed now, and records it: the last
 * period is prolonged, or after an outage the next one begins. Throws when a bid would fail too.
 */
export async function recordProof(pool: Pick<Pool, 'query'>): Promise<void> {
  await pool.query({ name: 'record-proof', text: RECORD_PROOF, values: [OUTAGE_MIN_MS] })
}

/** The last instant at which it was proved that bids can be placed; undefined before the first one. */
export async function readLastProof(db: Kysely<Database>): Promise<number | undefined> {
  const { rows } = await sql<{ untilMs: number }>`
    select (extract(epoch from until) * 1000)::float8 as "untilMs"
    from bidding_periods where since <= statement_timestamp() order by since desc limit 1
  `.execute(db)
  return rows[0]?.untilMs
}

/** The periods in which bids could be placed, in order, from the one at an instant on. */
export async function readBiddingPeriods(
  db: Kysely<Database>,
  fromMs: number,
): Promise<BiddingPeriod[]> {
  const { rows } = await sql<BiddingPeriod>`
    select (extract(epoch from since) * 1000)::float8 as "sinceMs",
      (extract(epoch from until) * 1000)::float8 as "untilMs"
    from bidding_periods
    where since <= statement_timestamp() and since >= coalesce(
      (select max(since) from bidding_periods where since <= ${new Date(fromMs)}::timestamptz),
      '-infinity')
    order by since
  `.execute(db)
  return rows
}

/**
 * Deletes periods that lie before the one in which the retention began, a batch at a time; returns
 * how many. That one stays, and with it the beginning of an outage that lasted until later.
 */
export async function purgeBiddingPeriods(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const result = await sql`
    delete from bidding_periods where since = any(array(
      select since from bidding_periods
      where since < (select max(since) from bidding_periods
        where since <= statement_timestamp() - make_interval(days => ${retentionDays}))
      order by since limit ${limit}))
  `.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

/** A lot that was extended after an outage, with what its ledger says of that. */
export interface ExtendedLot {
  lot: Lot
  entry: OutageEntry
}

/**
 * Records extensions and moves the ends of their lots, in one statement. The primary key is the last
 * line of defence: a second extension of a lot fails here and takes its whole transaction with it.
 */
export async function recordOutageExtensions(
  tx: Transaction<Database>,
  extended: readonly ExtendedLot[],
): Promise<void> {
  if (extended.length === 0) return
  const columns = new ColumnArray(9)
  for (const { lot, entry } of extended) {
    columns.push(
      lot.itemId,
      entry.sequence,
      entry.outageFromMs,
      entry.outageUntilMs,
      entry.previousEndsAtMs,
      entry.extendedToMs,
      entry.decidedAtMs,
      lot.hardEndsAtMs,
      lot.outageExtensionMs,
    )
  }
  const [ids, sequences, froms, untils, previous, ends, decided, hardEnds, moved] =
    columns.literals()
  const instant = (column: string) => sql.raw(`to_timestamp(${column} / 1000.0)`)
  await sql`
    with extended as (
      select * from unnest(${ids}::uuid[], ${sequences}::bigint[], ${froms}::float8[],
        ${untils}::float8[], ${previous}::float8[], ${ends}::float8[], ${decided}::float8[],
        ${hardEnds}::float8[], ${moved}::bigint[])
        as t(item_id, sequence, outage_from, outage_until, previous, ends, decided, hard_ends, moved)
    ), recorded as (
      insert into outage_extensions
        (item_id, sequence, outage_from, outage_until, previous_ends_at, ends_at, decided_at)
      select item_id, sequence, ${instant('outage_from')}, ${instant('outage_until')},
        ${instant('previous')}, ${instant('ends')}, ${instant('decided')}
      from extended
    )
    update lots set ends_at = ${instant('ends')}, hard_ends_at = ${instant('hard_ends')},
      outage_extended_at = ${instant('decided')}, outage_extension_ms = moved,
      last_decided_at = ${instant('decided')}, sequence = extended.sequence,
      updated_at = clock_timestamp()
    from extended where lots.item_id = extended.item_id
  `.execute(tx)
}
