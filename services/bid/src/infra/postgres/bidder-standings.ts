import type { StandingUpdate } from '@auction/common/rabbitmq/standing-events.ts'
import { sql, type Transaction } from 'kysely'
import { ColumnArray } from './column-array.ts'
import type { Database } from './schema.ts'

/**
 * Stores the standings that identity published, each user at most once, unless a newer one is stored. In id
 * order, because the consumers of different events do this at the same time.
 */
export async function putStandings(
  tx: Transaction<Database>,
  standings: readonly StandingUpdate[],
): Promise<void> {
  const columns = new ColumnArray(3)
  for (const { userId, standing, sequence } of standings) columns.push(userId, standing, sequence)
  const [userIds, names, sequences] = columns.literals()
  await sql`
    insert into bidder_standings (user_id, standing, sequence)
    select * from unnest(${userIds}::uuid[], ${names}::text[], ${sequences}::bigint[])
      as published(user_id, standing, sequence) order by user_id
    on conflict (user_id) do update
      set standing = excluded.standing, sequence = excluded.sequence, updated_at = clock_timestamp()
      where bidder_standings.sequence < excluded.sequence`.execute(tx)
}
