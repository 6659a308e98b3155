import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

/** How many lots end with this user as winner if there are no higher bids. */
export async function countLed(db: Kysely<Database>, userId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count
      from lot_bidders join lots using (item_id)
     where lot_bidders.bidder_id = ${userId} and lots.leader_id = ${userId}
       and lots.phase in ('open', 'reserved')`.execute(db)
  return rows[0]?.count ?? 0
}
