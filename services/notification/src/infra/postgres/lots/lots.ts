import { arrayLiteral } from '@auction/common/postgres/array-literal.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { LotState } from '#src/domain/lot-state.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * Writes states of lots, at most one a lot. What is not newer than the row changes nothing, so redelivery
 * and reordering are harmless.
 */
export async function projectLots(
  tx: Transaction<Database>,
  states: readonly LotState[],
): Promise<void> {
  const results = states.map(({ result }) => result)
  const ends = states.map(({ end }) => end)
  await sql`
    insert into lots as lot (item_id, sequence, leader_id, outcome, closed_at, end_sequence, ends_at)
    select item_id, sequence, leader_id, outcome,
      case when outcome is not null then statement_timestamp() end, end_sequence, ends_at
    from unnest(
      ${arrayLiteral(states.map(({ itemId }) => itemId))}::uuid[],
      ${arrayLiteral(results.map((result) => result?.sequence ?? 0))}::bigint[],
      ${arrayLiteral(results.map((result) => result?.leaderId ?? null))}::uuid[],
      ${arrayLiteral(results.map((result) => result?.outcome ?? null))}::text[],
      ${arrayLiteral(ends.map((end) => end?.sequence ?? 0))}::bigint[],
      ${arrayLiteral(ends.map((end) => end?.endsAt.toISOString() ?? null))}::timestamptz[]
    ) as e (item_id, sequence, leader_id, outcome, end_sequence, ends_at)
    -- In the order of ids, so that two workers with the same lots wait instead of deadlocking.
    order by item_id
    on conflict (item_id) do update set
      leader_id = case when excluded.sequence > lot.sequence then excluded.leader_id
        else lot.leader_id end,
      outcome = case when excluded.sequence > lot.sequence then excluded.outcome
        else lot.outcome end,
      closed_at = case when excluded.sequence > lot.sequence then excluded.closed_at
        else lot.closed_at end,
      sequence = greatest(excluded.sequence, lot.sequence),
      ends_at = case when excluded.end_sequence > lot.end_sequence then excluded.ends_at
        else lot.ends_at end,
      end_sequence = greatest(excluded.end_sequence, lot.end_sequence)
    where excluded.sequence > lot.sequence or excluded.end_sequence > lot.end_sequence`.execute(tx)
}

/** Deletes lots that were closed long ago; returns how many. */
export async function purgeLots(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from lots where item_id in (
      select item_id from lots
      where closed_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by closed_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
