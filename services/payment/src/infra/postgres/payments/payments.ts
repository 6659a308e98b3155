import { type Kysely, sql, type Transaction } from 'kysely'
import type { OperationState, PaymentState } from '#src/domain/judge-payment.ts'
import { looksOf } from '#src/infra/postgres/looks.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface PaymentOrder {
  orderId: string
  itemId: string
  sellerGross: bigint
  premium: bigint
  refundedAmount: bigint
  /** Of the item and those above, the closest first; null: not known. */
  categoryIds: string[] | null
}

export interface NewPayment {
  id: string
  buyerId: string
  sellerId: string
  currencyCode: string
  amount: bigint
  provider: string
  returnUrl: string
  description: string
  expiresAt: Date
  dueAt: Date
  idempotencyKey: string
  requestHash: Buffer
  traceparent: string
  correlationId: string
  orders: readonly (Omit<PaymentOrder, 'refundedAmount'> & {
    /** Of the order as it was when it was asked what it costs; undefined: it did not say. */
    orderSequence: number | undefined
  })[]
}

export interface Operation {
  id: string
  kind: 'begin' | 'capture' | 'cancel' | 'refund'
  refundId: string | null
  key: string
  state: OperationState
  code: string | null
  tries: number
  sentAt: Date | null
}

export interface Payment {
  id: string
  buyerId: string
  sellerId: string
  currencyCode: string
  amount: bigint
  provider: string
  attempt: number
  state: PaymentState
  code: string | null
  reference: string | null
  chargeReference: string | null
  nextUrl: string | null
  returnUrl: string
  description: string
  expiresAt: Date
  refundedAmount: bigint
  requestHash: Buffer
  sequence: number
  traceparent: string
  correlationId: string
  createdAt: Date
  capturedAt: Date | null
  wakes: number
  failures: number
  orders: PaymentOrder[]
  operations: Operation[]
}

const COLUMNS = [
  'id',
  'buyer_id as buyerId',
  'seller_id as sellerId',
  'currency_code as currencyCode',
  'amount',
  'provider',
  'attempt',
  'state',
  'code',
  'reference',
  'charge_reference as chargeReference',
  'next_url as nextUrl',
  'return_url as returnUrl',
  'description',
  'expires_at as expiresAt',
  'refunded_amount as refundedAmount',
  'request_hash as requestHash',
  'sequence',
  'traceparent',
  'correlation_id as correlationId',
  'created_at as createdAt',
  'captured_at as capturedAt',
  'wakes',
  'failures',
] as const

/** Writes a payment and what the provider is asked first. Fails on an order that another payment has. */
export async function insertPayment(
  tx: Transaction<Database>,
  payment: NewPayment,
  operation: { id: string; key: string },
): Promise<void> {
  const orderIds = payment.orders.map(({ orderId }) => orderId)
  await tx
    .insertInto('payments')
    .values({
      id: payment.id,
      buyer_id: payment.buyerId,
      seller_id: payment.sellerId,
      currency_code: payment.currencyCode,
      amount: payment.amount,
      provider: payment.provider,
      attempt: sql<number>`1 + coalesce((
        select count(distinct payment_id) from payment_orders where order_id = any(${orderIds}::uuid[])
      ), 0)`,
      state: 'created',
      return_url: payment.returnUrl,
      description: payment.description,
      expires_at: payment.expiresAt,
      due_at: payment.dueAt,
      idempotency_key: payment.idempotencyKey,
      request_hash: payment.requestHash,
      traceparent: payment.traceparent,
      correlation_id: payment.correlationId,
    })
    .execute()
  await tx
    .insertInto('payment_orders')
    // In one order everywhere, so that two payments for the same orders do not wait for each other.
    .values(
      [...payment.orders]
        .sort((left, right) => (left.orderId < right.orderId ? -1 : 1))
        .map(({ orderId, itemId, sellerGross, premium, orderSequence, categoryIds }) => ({
          payment_id: payment.id,
          order_id: orderId,
          item_id: itemId,
          seller_gross: sellerGross,
          premium,
          category_ids: categoryIds,
          order_sequence: orderSequence === undefined ? null : BigInt(orderSequence),
        })),
    )
    .execute()
  await tx
    .insertInto('payment_operations')
    .values({
      id: operation.id,
      payment_id: payment.id,
      kind: 'begin',
      key: operation.key,
      state: 'sending',
      tries: 1,
      sent_at: sql<Date>`clock_timestamp()`,
    })
    .execute()
}

export async function readPayment(db: Kysely<Database>, id: string): Promise<Payment | undefined> {
  const payment = await db
    .selectFrom('payments')
    .select(COLUMNS)
    .where('id', '=', id)
    .executeTakeFirst()
  return payment === undefined ? undefined : withParts(db, payment)
}

/** The payments in which a buyer paid an order, or wanted to; the latest first. */
export async function readPaymentsOf(
  db: Kysely<Database>,
  { orderId, buyerId, limit }: { orderId: string; buyerId: string; limit: number },
): Promise<Payment[]> {
  const rows = await db
    .selectFrom('payments')
    .select(COLUMNS)
    .where('buyer_id', '=', buyerId)
    .where('id', 'in', (query) =>
      query.selectFrom('payment_orders').select('payment_id').where('order_id', '=', orderId),
    )
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return Promise.all(rows.map((payment) => withParts(db, payment)))
}

/** Locks a payment: whatever changes it, its orders, refunds or operations does so under this lock. */
export async function lockPayment(
  tx: Transaction<Database>,
  id: string,
): Promise<Payment | undefined> {
  const payment = await tx
    .selectFrom('payments')
    .select(COLUMNS)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  return payment === undefined ? undefined : withParts(tx, payment)
}

async function withParts(
  db: Kysely<Database>,
  payment: Omit<Payment, 'orders' | 'operations'>,
): Promise<Payment> {
  const orders = await db
    .selectFrom('payment_orders')
    .select([
      'order_id as orderId',
      'item_id as itemId',
      'seller_gross as sellerGross',
      'premium',
      'refunded_amount as refundedAmount',
      'category_ids as categoryIds',
    ])
    .where('payment_id', '=', payment.id)
    .orderBy('order_id')
    .execute()
  const operations = await db
    .selectFrom('payment_operations')
    .select([
      'id',
      'kind',
      'refund_id as refundId',
      'key',
      'state',
      'code',
      'tries',
      'sent_at as sentAt',
    ])
    .where('payment_id', '=', payment.id)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return { ...payment, orders, operations }
}

export async function findByKey(
  db: Kysely<Database>,
  buyerId: string,
  idempotencyKey: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('payments')
    .select('id')
    .where('buyer_id', '=', buyerId)
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst()
  return row?.id
}

/** The payment that has one of these orders at present. */
export async function findLive(
  db: Kysely<Database>,
  orderIds: readonly string[],
): Promise<string | undefined> {
  const row = await db
    .selectFrom('payment_orders')
    .select('payment_id')
    .where('order_id', 'in', orderIds)
    .where('is_live', '=', true)
    .executeTakeFirst()
  return row?.payment_id
}

/** A payment by a name that a provider has for it, or by our own id. */
export async function findByReferences(
  db: Kysely<Database>,
  provider: string,
  references: readonly string[],
): Promise<string | undefined> {
  if (references.length === 0) return undefined
  const { rows } = await sql<{ id: string }>`
    select id from payments
    where provider = ${provider} and (
      reference = any(${references}::text[])
      or charge_reference = any(${references}::text[])
      or id = any(array(
        select one::uuid from unnest(${references}::text[]) as one
        where one ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
      ))
    )
    limit 1`.execute(db)
  return rows[0]?.id
}

export interface PaymentChange {
  state?: PaymentState
  code?: string | null
  reference?: string
  chargeReference?: string | null
  nextUrl?: string | null
  holdEndsAt?: Date | null
  refundedAmount?: bigint
  capturedAt?: Date
  /** When it is looked at again, whatever is reported of it. */
  nextCheckAt?: Date
  /** Absent: nothing that is published has changed. */
  sequence?: number
}

/** Changes a payment that the caller has locked. */
export async function updatePayment(
  tx: Transaction<Database>,
  id: string,
  change: PaymentChange,
): Promise<void> {
  const { state, code, reference, chargeReference, nextUrl, holdEndsAt } = change
  const { refundedAmount, capturedAt, nextCheckAt, sequence } = change
  const values = {
    state,
    code,
    reference,
    charge_reference: chargeReference,
    next_url: nextUrl,
    hold_ends_at: holdEndsAt,
    refunded_amount: refundedAmount,
    captured_at: capturedAt,
    next_check_at: nextCheckAt,
    sequence,
  }
  const given = Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  )
  if (Object.keys(given).length === 0) return
  await tx.updateTable('payments').set(given).where('id', '=', id).execute()
}

/** The orders of a payment that is over may be paid by another one. */
export async function releaseOrders(tx: Transaction<Database>, id: string): Promise<void> {
  await tx
    .updateTable('payment_orders')
    .set({ is_live: false })
    .where('payment_id', '=', id)
    .execute()
}

export const {
  takeDue: takeDuePayments,
  schedule: scheduleLook,
  wake: wakePayment,
} = looksOf('payments')

/**
 * Has captured payments looked at whose check is due, and says when they are checked next: about a day later, at any instant of two
 * hours, until `days` after the capture. Returns how many these were.
 */
export async function wakeForChecks(
  db: Kysely<Database>,
  { limit, days }: { limit: number; days: number },
): Promise<number> {
  const { numAffectedRows } = await sql`
    update payments set
      wakes = wakes + 1,
      due_at = least(due_at, clock_timestamp()),
      next_check_at = case when clock_timestamp() + interval '1 day' < captured_at + ${days} * interval '1 day'
        then clock_timestamp() + interval '23 hours' + random() * interval '2 hours' end
    where id in (
      select id from payments where next_check_at <= statement_timestamp()
      order by next_check_at limit ${limit} for update skip locked
    )`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** The live payments of an order that were begun before it had this sequence. */
export async function livePaymentsBegunBefore(
  tx: Transaction<Database>,
  orderId: string,
  sequence: number,
): Promise<string[]> {
  const { rows } = await sql<{ paymentId: string }>`
    select payment_id as "paymentId" from payment_orders
    where order_id = ${orderId} and is_live
      and (order_sequence is null or order_sequence < ${sequence})`.execute(tx)
  return rows.map(({ paymentId }) => paymentId)
}

/** The live payments of an order. */
export async function livePaymentsOf(
  tx: Transaction<Database>,
  orderId: string,
): Promise<string[]> {
  const rows = await tx
    .selectFrom('payment_orders')
    .select('payment_id')
    .where('order_id', '=', orderId)
    .where('is_live', '=', true)
    .execute()
  return rows.map((row) => row.payment_id)
}

/** To whom a payment was, and in which currency. */
export async function readPayee(
  tx: Transaction<Database>,
  id: string,
): Promise<{ sellerId: string; currencyCode: string } | undefined> {
  return tx
    .selectFrom('payments')
    .select(['seller_id as sellerId', 'currency_code as currencyCode'])
    .where('id', '=', id)
    .executeTakeFirst()
}
