import { type Kysely, sql, type Transaction } from 'kysely'
import type { Side } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface CancellationRequest {
  readonly askedBy: Side
  readonly askedAt: Date
}

export async function readCancellationRequest(
  db: Kysely<Database>,
  orderId: string,
): Promise<CancellationRequest | undefined> {
  const { rows } = await sql<CancellationRequest>`
    select asked_by as "askedBy", asked_at as "askedAt" from cancellation_requests
    where order_id = ${orderId}`.execute(db)
  return rows[0]
}

export async function insertCancellationRequest(
  tx: Transaction<Database>,
  orderId: string,
  askedBy: Side,
): Promise<void> {
  await sql`
    insert into cancellation_requests (order_id, asked_by, asked_at)
    values (${orderId}, ${askedBy}, clock_timestamp())
    on conflict (order_id) do nothing`.execute(tx)
}

export async function deleteCancellationRequest(
  tx: Transaction<Database>,
  orderId: string,
): Promise<void> {
  await sql`delete from cancellation_requests where order_id = ${orderId}`.execute(tx)
}
