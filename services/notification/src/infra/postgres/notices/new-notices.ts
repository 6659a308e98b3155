import { arrayLiteral } from '@auction/common/postgres/array-literal.ts'
import { sql, type Transaction } from 'kysely'
import { kindOf, type NewNotice } from '#src/domain/notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * Stores notices that are not stored yet, except those of users who are gone. The transaction shares
 * departures. Returns the ids of those that are new.
 */
export async function insertNotices(
  tx: Transaction<Database>,
  notices: readonly (NewNotice & { readonly id: string })[],
): Promise<Set<string>> {
  const kinds = notices.map(({ template }) => kindOf(template))
  const { rows } = await sql<{ id: string }>`
    with e as (
      select *, least(happened_at, statement_timestamp()) as since from unnest(
        ${arrayLiteral(notices.map(({ id }) => id))}::uuid[],
        ${arrayLiteral(notices.map(({ userId }) => userId))}::uuid[],
        ${arrayLiteral(notices.map(({ template }) => template))}::text[],
        ${arrayLiteral(notices.map(({ aggregateId }) => aggregateId))}::uuid[],
        ${arrayLiteral(notices.map(({ sequence }) => sequence))}::bigint[],
        ${arrayLiteral(notices.map(({ data }) => JSON.stringify(data)))}::text[],
        ${arrayLiteral(notices.map(({ happenedAt }) => happenedAt?.toISOString() ?? null))}::timestamptz[],
        ${arrayLiteral(kinds.map(({ holdSeconds }) => holdSeconds ?? 0))}::integer[],
        ${arrayLiteral(kinds.map(({ outdatedHours }) => outdatedHours))}::integer[]
      ) as e (id, user_id, template, aggregate_id, sequence, data, happened_at, hold_seconds,
        outdated_hours)
    )
    insert into notices (id, user_id, template, aggregate_id, sequence, data, happened_at, due_at,
      outdated_at)
    select id, user_id, template, aggregate_id, sequence, data::jsonb, since,
      statement_timestamp() + make_interval(secs => hold_seconds),
      since + make_interval(hours => outdated_hours)
    from e
    where not exists (select from departed_users as gone where gone.user_id = e.user_id)
    -- In one order, so that two workers with the same event wait instead of deadlocking.
    order by user_id, template, aggregate_id, sequence
    on conflict do nothing
    returning id`.execute(tx)
  return new Set(rows.map(({ id }) => id))
}
