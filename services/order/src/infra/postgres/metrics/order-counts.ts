import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface OrderCounts {
  /** Orders that are not over, by state. */
  readonly byState: readonly { state: string; count: number }[]
  /** Since when the longest claimed order is claimed, in seconds; 0 when none is. */
  readonly claimAgeSeconds: number
  /** Since when the refund that is waited for longest is, in seconds; 0 when none is. */
  readonly refundAgeSeconds: number
}

/** Measures orders that are not over: those that are only grow. */
export async function readOrderCounts(db: Kysely<Database>): Promise<OrderCounts> {
  const { rows: byState } = await sql<{ state: string; count: number }>`
    select state, count(*)::int as count from orders
    where state not in ('completed', 'refunded', 'cancelled') group by state`.execute(db)
  const { rows } = await sql<{ age: number }>`
    select coalesce(greatest(extract(epoch from statement_timestamp() - min(claimed_at)), 0), 0)::float8 as age
    from orders where claimed_by is not null`.execute(db)
  const { rows: refunds } = await sql<{ age: number }>`
    select coalesce(greatest(extract(epoch from statement_timestamp() - min(refund_asked_at)), 0), 0)::float8 as age
    from orders where refund_asked_at is not null`.execute(db)
  return {
    byState,
    claimAgeSeconds: rows[0]?.age ?? 0,
    refundAgeSeconds: refunds[0]?.age ?? 0,
  }
}
