import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Refund {
  id: string
  paymentId: string
  orderId: string
  amount: bigint
  reason: string
  requestedBy: string | null
  state: 'pending' | 'done' | 'failed'
  code: string | null
  idempotencyKey: string
  /** What the platform owes, of which this is a part; null: it was asked for. */
  owedId: string | null
  createdAt: Date
  doneAt: Date | null
}

const COLUMNS = [
  'id',
  'payment_id as paymentId',
  'order_id as orderId',
  'amount',
  'reason',
  'requested_by as requestedBy',
  'state',
  'code',
  'idempotency_key as idempotencyKey',
  'owed_id as owedId',
  'created_at as createdAt',
  'done_at as doneAt',
] as const

export async function insertRefund(
  tx: Transaction<Database>,
  refund: Pick<
    Refund,
    | 'id'
    | 'paymentId'
    | 'orderId'
    | 'amount'
    | 'reason'
    | 'requestedBy'
    | 'idempotencyKey'
    | 'owedId'
  >,
): Promise<void> {
  await tx
    .insertInto('refunds')
    .values({
      id: refund.id,
      payment_id: refund.paymentId,
      order_id: refund.orderId,
      amount: refund.amount,
      reason: refund.reason,
      requested_by: refund.requestedBy,
      state: 'pending',
      idempotency_key: refund.idempotencyKey,
      owed_id: refund.owedId,
    })
    .execute()
}

/** Adds to what is refunded of an order and its payment; both have a check that it fits. */
export async function addRefunded(
  tx: Transaction<Database>,
  { paymentId, orderId }: { paymentId: string; orderId: string },
  amount: bigint,
): Promise<void> {
  await tx
    .updateTable('payment_orders')
    .set({ refunded_amount: sql<bigint>`refunded_amount + ${amount}` })
    .where('payment_id', '=', paymentId)
    .where('order_id', '=', orderId)
    .execute()
  await tx
    .updateTable('payments')
    .set({ refunded_amount: sql<bigint>`refunded_amount + ${amount}` })
    .where('id', '=', paymentId)
    .execute()
}

export async function findRefundByKey(
  db: Kysely<Database>,
  paymentId: string,
  idempotencyKey: string,
): Promise<Refund | undefined> {
  return db
    .selectFrom('refunds')
    .select(COLUMNS)
    .where('payment_id', '=', paymentId)
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst()
}

/** How many refunds of an order were decided and have not failed. */
export async function countRefunds(
  tx: Transaction<Database>,
  { paymentId, orderId }: { paymentId: string; orderId: string },
): Promise<number> {
  const { count } = await tx
    .selectFrom('refunds')
    .select(sql<number>`count(*)::integer`.as('count'))
    .where('payment_id', '=', paymentId)
    .where('order_id', '=', orderId)
    .where('state', '<>', 'failed')
    .executeTakeFirstOrThrow()
  return count
}

/** The refunds of a payment, oldest first. */
export async function readRefunds(db: Kysely<Database>, paymentId: string): Promise<Refund[]> {
  return db
    .selectFrom('refunds')
    .select(COLUMNS)
    .where('payment_id', '=', paymentId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** Ends a pending refund. False: it had ended before. */
export async function endRefund(
  tx: Transaction<Database>,
  id: string,
  end: { state: 'done' | 'failed'; reference?: string; code?: string },
): Promise<boolean> {
  const row = await tx
    .updateTable('refunds')
    .set({
      state: end.state,
      code: end.code ?? null,
      done_at: sql<Date>`clock_timestamp()`,
      ...(end.reference === undefined ? {} : { reference: end.reference }),
    })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** What was really given back for an order. */
export async function refundedSoFar(
  tx: Transaction<Database>,
  { paymentId, orderId }: { paymentId: string; orderId: string },
): Promise<bigint> {
  const { total } = await tx
    .selectFrom('refunds')
    .select(sql<bigint>`coalesce(sum(amount), 0)::bigint`.as('total'))
    .where('payment_id', '=', paymentId)
    .where('order_id', '=', orderId)
    .where('state', '=', 'done')
    .executeTakeFirstOrThrow()
  return total
}
