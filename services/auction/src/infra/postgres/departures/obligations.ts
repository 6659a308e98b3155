import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** How many items of this seller are published and not over yet. */
export async function countForSale(db: Kysely<Database>, sellerId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from items
     where seller_id = ${sellerId}
       and status in ('scheduled', 'active', 'reserved', 'ended')`.execute(db)
  return rows[0]?.count ?? 0
}
