import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** How many orders that a user buys or sells are not over. */
export async function countOpenOrders(db: Kysely<Database>, userId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from orders
    where (buyer_id = ${userId} or seller_id = ${userId})
      and state not in ('completed', 'refunded', 'cancelled')`.execute(db)
  return rows[0]?.count ?? 0
}
