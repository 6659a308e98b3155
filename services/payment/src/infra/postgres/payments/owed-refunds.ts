import { newId } from '@auction/common/ids.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface OwedRefund {
  id: string
  paymentId: string
  orderId: string
  source: string
  amount: bigint
  /** What was given of it or is under way. */
  given: bigint
  /** Refunds of it that are under way, all of them, and those that failed. */
  pending: number
  refunds: number
  failures: number
  /** Since the last of them failed; null: none did. */
  failedAgoMs: number | null
  lastCode: string | null
}

const sourceOf = (orderId: string) => `resolved/${orderId}/`

/** What a decision of a dispute is known by: the order, and its sequence when it was decided. */
export const decisionSource = (orderId: string, sequence: number): string =>
  `${sourceOf(orderId)}${sequence}`

/** Records what a decision owes. False: it is recorded already. */
export async function insertOwed(
  tx: Transaction<Database>,
  owed: Pick<OwedRefund, 'paymentId' | 'orderId' | 'source' | 'amount'>,
): Promise<boolean> {
  const row = await tx
    .insertInto('owed_refunds')
    .values({
      id: newId(),
      payment_id: owed.paymentId,
      order_id: owed.orderId,
      source: owed.source,
      amount: owed.amount,
    })
    .onConflict((conflict) => conflict.column('source').doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** What is still owed of a payment, the oldest first. */
export async function readOwed(db: Kysely<Database>, paymentId: string): Promise<OwedRefund[]> {
  const { rows } = await sql<OwedRefund>`
    select o.id, o.payment_id as "paymentId", o.order_id as "orderId", o.source, o.amount,
      coalesce(sum(r.amount) filter (where r.state <> 'failed'), 0)::bigint as given,
      (count(*) filter (where r.state = 'pending'))::integer as pending,
      count(r.id)::integer as refunds,
      (count(*) filter (where r.state = 'failed'))::integer as failures,
      (extract(epoch from clock_timestamp() - max(r.done_at) filter (where r.state = 'failed')) * 1000)::float8
        as "failedAgoMs",
      (array_agg(r.code order by r.done_at desc) filter (where r.state = 'failed'))[1] as "lastCode"
    from owed_refunds o left join refunds r on r.owed_id = o.id
    where o.payment_id = ${paymentId} and o.state = 'open'
    group by o.id order by o.created_at, o.id`.execute(db)
  return rows
}

export async function endOwed(
  tx: Transaction<Database>,
  id: string,
  state: 'done' | 'given_up' | 'settled',
): Promise<void> {
  await tx.updateTable('owed_refunds').set({ state }).where('id', '=', id).execute()
}

/** What is still owed by decisions of an order before this sequence of it. */
export async function readOwedBefore(
  tx: Transaction<Database>,
  { paymentId, orderId }: Pick<OwedRefund, 'paymentId' | 'orderId'>,
  sequence: number,
): Promise<OwedRefund[]> {
  const prefix = sourceOf(orderId)
  const owed = await readOwed(tx, paymentId)
  return owed.filter(
    ({ source }) => source.startsWith(prefix) && Number(source.slice(prefix.length)) < sequence,
  )
}

/** Nothing that was decided before this sequence of an order is given any more. */
export async function markSettled(
  tx: Transaction<Database>,
  { paymentId, orderId }: Pick<OwedRefund, 'paymentId' | 'orderId'>,
  sequence: number,
): Promise<void> {
  await sql`
    update payment_orders set settled_sequence = greatest(settled_sequence, ${sequence})
    where payment_id = ${paymentId} and order_id = ${orderId}`.execute(tx)
}

/** The sequence of the order when the last wait for a refund was ended; 0: none was. */
export async function readSettled(
  tx: Transaction<Database>,
  { paymentId, orderId }: Pick<OwedRefund, 'paymentId' | 'orderId'>,
): Promise<number> {
  const row = await tx
    .selectFrom('payment_orders')
    .select('settled_sequence')
    .where('payment_id', '=', paymentId)
    .where('order_id', '=', orderId)
    .executeTakeFirst()
  return row?.settled_sequence ?? 0
}
