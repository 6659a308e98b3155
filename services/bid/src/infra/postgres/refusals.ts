import { isTransient, sqlState } from '@auction/common/http/errors.ts'
import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { QueryConfig } from 'pg'
import type { RefusedBid } from '#src/domain/bid-record.ts'
import { ColumnArray } from './column-array.ts'
import type { Database } from './schema.ts'

/** A refusal that is stored, because its key makes it the answer to a repetition. */
export type KeyedRefusal = RefusedBid & { idempotencyKey: string }

export const hasKey = (bid: RefusedBid): bid is KeyedRefusal => bid.idempotencyKey !== null

/** The statement that stores refusals in the transaction of their batch. */
export function writeRefusals(refusals: KeyedRefusal[]): QueryConfig {
  const columns = new ColumnArray(10)
  for (const refusal of refusals) {
    const { refusalDetails } = refusal
    columns.push(
      refusal.bidderId,
      refusal.idempotencyKey,
      refusal.requestHash,
      refusal.bidId,
      refusal.itemId,
      refusal.maxAmount,
      refusal.refusalCode,
      refusalDetails === null ? null : JSON.stringify(refusalDetails),
      refusal.decidedAtMs,
      refusal.recordedAtMs,
    )
  }
  return {
    name: 'write-refusals',
    text: `insert into refusals (bidder_id, idempotency_key, request_hash, bid_id, item_id,
        max_amount, refusal_code, refusal_details, decided_at, recorded_at)
      select bidder_id, idempotency_key, request_hash, bid_id, item_id, max_amount, refusal_code,
        refusal_details, to_timestamp(decided / 1000.0), to_timestamp(recorded / 1000.0)
      from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::bigint[],
        $7::text[], $8::json[], $9::float8[], $10::float8[])
        as t(bidder_id, idempotency_key, request_hash, bid_id, item_id, max_amount, refusal_code,
          refusal_details, decided, recorded)`,
    values: columns.literals(),
  }
}

const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS
// 1 January 1970 was a Thursday.
const FIRST_MONDAY_MS = 4 * DAY_MS
const WEEKS_AHEAD = 4
// Bids wait behind a statement that waits for the table, so it gives up at once and tries again later.
const LOCK_WAIT_MS = 100

/**
 * Adds the partitions of this week and the next four, and drops those whose refusals are all older than the
 * retention. Any number of workers may do this; what is in use is left for the next time.
 */
export async function keepRefusalWeeks(db: Kysely<Database>, retentionDays: number): Promise<void> {
  const nowMs = (await readClock(db)).getTime()
  const thisWeek = nowMs - ((nowMs - FIRST_MONDAY_MS) % WEEK_MS)
  const wanted = Array.from({ length: WEEKS_AHEAD + 1 }, (_, week) =>
    partitionOf(thisWeek + week * WEEK_MS),
  )
  const existing = await readPartitions(db)
  const oldest = partitionOf(nowMs - retentionDays * DAY_MS - WEEK_MS)
  for (const partition of wanted.filter((name) => !existing.includes(name))) {
    await change(db, async (tx) => {
      const monday = partition.slice(-8)
      // While it is attached bids wait, and a row of that week in the default partition forbids it.
      if (await isInDefault(tx, monday)) return
      await sql`select add_refusals_week(${monday}::date)`.execute(tx)
    })
  }
  for (const partition of existing.filter((name) => name < oldest)) {
    await change(db, (tx) => tx.schema.dropTable(partition).ifExists().execute())
  }
}

async function isInDefault(tx: Transaction<Database>, monday: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from refusals_default
    where recorded_at >= ${monday}::date::timestamp at time zone 'UTC'
      and recorded_at < (${monday}::date + 7)::timestamp at time zone 'UTC'
    limit 1`.execute(tx)
  return rows.length > 0
}

/** The name of the partition of the week that begins at this Monday, or of a day to compare with. */
function partitionOf(epochMs: number): string {
  return `refusals_${new Date(epochMs).toISOString().slice(0, 10).replaceAll('-', '')}`
}

async function readPartitions(db: Kysely<Database>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_inherits join pg_class on oid = inhrelid
    where inhparent = 'refusals'::regclass and relname <> 'refusals_default'
    order by relname`.execute(db)
  return rows.map(({ name }) => name)
}

async function change(
  db: Kysely<Database>,
  work: (tx: Transaction<Database>) => Promise<unknown>,
): Promise<void> {
  try {
    await db.transaction().execute(async (tx) => {
      await sql`set local lock_timeout = ${sql.lit(LOCK_WAIT_MS)}`.execute(tx)
      await sql`select pg_advisory_xact_lock(${sql.lit(ADVISORY_LOCKS.refusalWeeks)})`.execute(tx)
      await work(tx)
    })
  } catch (error) {
    if (!isLeftForLater(error)) throw error
  }
}

const CHECK_VIOLATION = '23514'
const DUPLICATE_TABLE = '42P07'

/**
 * In use; added by another worker meanwhile; or the partition for all other weeks holds rows of this one,
 * which then stay there until they are old.
 */
function isLeftForLater(error: unknown): boolean {
  const state = sqlState(error)
  return isTransient(error) || state === CHECK_VIOLATION || state === DUPLICATE_TABLE
}

/** Deletes old refusals of weeks without a partition, a batch at a time; returns how many. */
export async function purgeUnpartitionedRefusals(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const result = await sql`
    delete from refusals_default where ctid = any(array(
      select ctid from refusals_default
      where recorded_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by recorded_at limit ${limit}))
  `.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}
