import { sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

interface OrderPayment {
  readonly orderId: string
  readonly paymentId: string
}

/** Records money of a payment that an order did not take; the first reason stays. */
export async function recordUnwantedPayment(
  tx: Transaction<Database>,
  { orderId, paymentId }: OrderPayment,
  reason: string,
): Promise<void> {
  await sql`
    insert into unwanted_payments (order_id, payment_id, reason)
    values (${orderId}, ${paymentId}, ${reason})
    on conflict (order_id, payment_id) do nothing`.execute(tx)
}

export async function isPaymentUnwanted(
  tx: Transaction<Database>,
  { orderId, paymentId }: OrderPayment,
): Promise<boolean> {
  const { rows } = await sql`
    select 1 from unwanted_payments
    where order_id = ${orderId} and payment_id = ${paymentId}`.execute(tx)
  return rows.length > 0
}
