import { type Kysely, sql, type Transaction } from 'kysely'
import { FILLS_FORGOTTEN_SECONDS, type ThrottleLimit } from '#src/domain/throttle.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface CountedTry extends ThrottleLimit {
  key: Buffer
}

export interface FullThrottle {
  key: Buffer
  waitSeconds: number
}

/**
 * Counts one try against every key, or answers those that are full; the caller then rolls back, so
 * that a refused try counts nowhere and leaves no row. One statement in the order of keys: parallel
 * tries of all replicas wait for each other, get no more than there is, and never deadlock.
 */
export async function countTries(
  tx: Transaction<Database>,
  tries: readonly CountedTry[],
): Promise<FullThrottle[]> {
  const isOver = sql`t.resets_at <= statement_timestamp()`
  const nextFills = sql`case
    when t.tries < t.tries_max or t.resets_at <= statement_timestamp()
         - make_interval(secs => ${FILLS_FORGOTTEN_SECONDS}) then 0
    else least(t.fills + 1, 10) end`
  const { rows } = await sql<{ key: Buffer }>`
    insert into throttles as t
           (key, tries, tries_max, window_seconds, wait_max_seconds, resets_at)
    select key, 1, tries_max, window_seconds, wait_max_seconds,
           statement_timestamp() + make_interval(secs => window_seconds)
      from unnest(${tries.map(({ key }) => key)}::bytea[],
                  ${tries.map(({ triesMax }) => triesMax)}::int[],
                  ${tries.map(({ windowSeconds }) => windowSeconds)}::int[],
                  ${tries.map(({ waitMaxSeconds }) => waitMaxSeconds)}::int[])
           as asked (key, tries_max, window_seconds, wait_max_seconds)
     order by key
        on conflict (key) do update
       set tries = case when ${isOver} then 1 else t.tries + 1 end,
           tries_max = excluded.tries_max,
           window_seconds = excluded.window_seconds,
           wait_max_seconds = excluded.wait_max_seconds,
           fills = case when ${isOver} then ${nextFills} else t.fills end,
           resets_at = case when ${isOver} then statement_timestamp() + make_interval(secs => least(
               excluded.window_seconds * 2 ^ (${nextFills}), excluded.wait_max_seconds))
             else t.resets_at end
     where ${isOver} or t.tries < excluded.tries_max
    returning key`.execute(tx)
  const counted = new Set(rows.map(({ key }) => key.toString('hex')))
  const full = tries.filter(({ key }) => !counted.has(key.toString('hex')))
  return full.length === 0 ? [] : selectWaits(tx, full).execute()
}

/** Those that are full, without a lock: a flood of refused tries waits for nothing and writes nothing. */
export async function readFull(
  db: Kysely<Database>,
  tries: readonly CountedTry[],
): Promise<FullThrottle[]> {
  return selectWaits(db, tries)
    .where('resets_at', '>', sql<Date>`statement_timestamp()`)
    .where('tries', '>=', sql<number>`tries_max`)
    .execute()
}

function selectWaits(db: Kysely<Database>, tries: readonly CountedTry[]) {
  const seconds = sql<number>`greatest(1, ceil(extract(epoch from resets_at - clock_timestamp())))::int`
  const keys = tries.map(({ key }) => key)
  return db
    .selectFrom('throttles')
    .select(['key', seconds.as('waitSeconds')])
    .where('key', 'in', keys)
}

/**
 * Takes tries back that turned out not to be guesses. What is forgiven is reset. The rows are
 * locked in the order of keys, as when they are counted.
 */
export async function returnTries(
  db: Kysely<Database>,
  keys: readonly Buffer[],
  forgiven: readonly Buffer[] = [],
): Promise<void> {
  const isForgiven = sql`t.key = any(${forgiven}::bytea[])`
  await sql`
    with locked as (
      select key from throttles where key = any(${keys}::bytea[]) order by key for update)
    update throttles t
       set tries = case when ${isForgiven} then 0 else greatest(t.tries - 1, 0) end,
           fills = case when ${isForgiven} then 0 else t.fills end
      from locked where t.key = locked.key`.execute(db)
}

/** Deletes some counters that say nothing any more; answers how many. */
export async function purgeThrottles(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from throttles where key in (
      select key from throttles
       where resets_at < statement_timestamp() - make_interval(secs => ${FILLS_FORGOTTEN_SECONDS})
       order by resets_at limit ${limit}
       for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}
