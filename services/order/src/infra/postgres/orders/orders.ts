import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type {
  CancelReason,
  Delivery,
  Order,
  OrderSource,
  OrderState,
  ResumeState,
} from '#src/domain/order.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** An order with what only its readers want. */
export interface OrderRecord extends Order {
  readonly itemName: string | null
  /** Of its item and those above, the closest first; null: auction was not asked yet. */
  readonly categoryIds: readonly string[] | null
  readonly createdAt: Date
  readonly changedAt: Date
  readonly paidAt: Date | null
}

interface OrderRow {
  id: string
  itemId: string
  itemName: string | null
  categoryIds: string[] | null
  round: number
  unit: number
  sellerId: string
  buyerId: string
  source: OrderSource
  purchaseId: string | null
  reservedUntil: Date | null
  currencyCode: string
  amount: bigint
  premium: bigint
  deliveryFee: bigint
  refundedTotal: bigint
  state: OrderState
  resumeState: ResumeState | null
  cancelReason: CancelReason | null
  wonAt: Date
  dueAt: Date
  cancelAt: Date
  claimedBy: string | null
  paidBy: string | null
  paidAt: Date | null
  remindersSent: number
  delivery: Delivery | null
  chargeback: Order['chargeback']
  chargebackAmount: bigint | null
  refundTarget: bigint | null
  timeLeftSeconds: number | null
  sequence: bigint
  createdAt: Date
  changedAt: Date
}

const COLUMNS = sql.raw(`
  id, item_id as "itemId", item_name as "itemName", category_ids as "categoryIds", round, unit, seller_id as "sellerId",
  buyer_id as "buyerId", source, purchase_id as "purchaseId", reserved_until as "reservedUntil",
  currency_code as "currencyCode", amount, premium,
  delivery_fee as "deliveryFee", refunded_total as "refundedTotal", state,
  resume_state as "resumeState", cancel_reason as "cancelReason", won_at as "wonAt",
  due_at as "dueAt", cancel_at as "cancelAt", claimed_by as "claimedBy", paid_by as "paidBy",
  paid_at as "paidAt", reminders_sent as "remindersSent", delivery, chargeback,
  chargeback_amount as "chargebackAmount", refund_target as "refundTarget",
  time_left_seconds as "timeLeftSeconds", sequence, created_at as "createdAt",
  changed_at as "changedAt"`)

const toRecord = (row: OrderRow): OrderRecord => ({ ...row, sequence: Number(row.sequence) })

async function select(db: Kysely<Database>, rest: RawBuilder<unknown>): Promise<OrderRecord[]> {
  const { rows } = await sql<OrderRow>`select ${COLUMNS} from orders ${rest}`.execute(db)
  return rows.map(toRecord)
}

/** Stores new orders, one for each win; answers the ids of those that were not stored before. */
export async function insertOrders(
  tx: Transaction<Database>,
  orders: readonly Order[],
): Promise<Set<string>> {
  // In one order, because two workers may store the same ones at the same time.
  const sorted = [...orders].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
  const rows = await tx
    .insertInto('orders')
    .values(
      sorted.map((order) => ({
        id: order.id,
        item_id: order.itemId,
        round: order.round,
        unit: order.unit,
        seller_id: order.sellerId,
        buyer_id: order.buyerId,
        source: order.source,
        purchase_id: order.purchaseId,
        reserved_until: order.reservedUntil,
        currency_code: order.currencyCode,
        amount: order.amount,
        premium: order.premium,
        state: order.state,
        won_at: order.wonAt,
        due_at: order.dueAt,
        cancel_at: order.cancelAt,
        sequence: BigInt(order.sequence),
      })),
    )
    // By its win, or by its purchase.
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .execute()
  return new Set(rows.map(({ id }) => id))
}

/**
 * Those of these new orders that were not stored before either: another order of the same lot and buyer keeps them
 * out, which must never happen.
 */
export async function findUnstored(
  tx: Transaction<Database>,
  orders: readonly Order[],
): Promise<Order[]> {
  if (orders.length === 0) return []
  const { rows } = await sql<
    Pick<OrderRow, 'itemId' | 'round' | 'unit' | 'buyerId' | 'purchaseId'>
  >`
    select item_id as "itemId", round, unit, buyer_id as "buyerId", purchase_id as "purchaseId" from orders
    where purchase_id = any(${orders.flatMap(({ purchaseId }) => purchaseId ?? [])}::uuid[])
      or (item_id = any(${orders.map(({ itemId }) => itemId)}::uuid[])
        and purchase_id is null and reserved_until is null)`.execute(tx)
  const keyOrPurchase = (order: Parameters<typeof keyOf>[0] & Pick<Order, 'purchaseId'>) =>
    order.purchaseId ?? keyOf(order)
  const stored = new Set(rows.map(keyOrPurchase))
  return orders.filter((order) => !stored.has(keyOrPurchase(order)))
}

const keyOf = ({
  itemId,
  round,
  unit,
  buyerId,
}: Pick<Order, 'itemId' | 'round' | 'unit' | 'buyerId'>) => `${itemId} ${round} ${unit} ${buyerId}`

/** Locks orders until the commit, in the order of their ids, so that no two callers wait for each other. */
export function lockOrders(
  tx: Transaction<Database>,
  ids: readonly string[],
): Promise<OrderRecord[]> {
  return select(tx, sql`where id = any(${[...ids]}::uuid[]) order by id for no key update`)
}

export async function lockOrder(
  tx: Transaction<Database>,
  id: string,
): Promise<OrderRecord | undefined> {
  return (await lockOrders(tx, [id]))[0]
}

/** Locks the orders of purchases that are not known to be sold, be they cancelled. */
export function lockReserved(
  tx: Transaction<Database>,
  purchaseIds: readonly string[],
): Promise<OrderRecord[]> {
  return select(
    tx,
    sql`where purchase_id = any(${[...purchaseIds]}::uuid[]) and reserved_until is not null
      order by id for no key update`,
  )
}

export function readOrders(db: Kysely<Database>, ids: readonly string[]): Promise<OrderRecord[]> {
  return select(db, sql`where id = any(${[...ids]}::uuid[]) order by id`)
}

/** Stores what an act made of an order, whose lock the caller holds. */
export async function saveOrder(tx: Transaction<Database>, order: Order, now: Date): Promise<void> {
  await sql`
    update orders set state = ${order.state}, resume_state = ${order.resumeState},
      cancel_reason = ${order.cancelReason}, refunded_total = ${order.refundedTotal},
      reserved_until = ${order.reservedUntil},
      due_at = ${order.dueAt}, cancel_at = ${order.cancelAt}, delivery = ${order.delivery},
      chargeback = ${order.chargeback}, chargeback_amount = ${order.chargebackAmount},
      refund_target = ${order.refundTarget},
      refund_asked_at = case when ${order.refundTarget}::bigint is null then null
        else coalesce(refund_asked_at, ${now}) end,
      time_left_seconds = ${order.timeLeftSeconds},
      reminders_sent = ${order.remindersSent},
      claimed_by = ${order.claimedBy},
      claimed_at = case when ${order.claimedBy}::uuid is null then null else claimed_at end,
      paid_by = ${order.paidBy},
      paid_at = case when ${order.paidBy}::uuid is null then null else coalesce(paid_at, ${now}) end,
      sequence = ${order.sequence}, changed_at = ${now}
    where id = ${order.id}`.execute(tx)
}

export async function claimOrders(
  tx: Transaction<Database>,
  ids: readonly string[],
  paymentId: string,
): Promise<void> {
  await sql`
    update orders set claimed_by = ${paymentId}, claimed_at = clock_timestamp()
    where id = any(${[...ids]}::uuid[])`.execute(tx)
}

export async function releaseClaims(
  tx: Transaction<Database>,
  ids: readonly string[],
): Promise<void> {
  await sql`
    update orders set claimed_by = null, claimed_at = null
    where id = any(${[...ids]}::uuid[])`.execute(tx)
}

export type Side = 'buyer' | 'seller'

export interface OrdersPage {
  readonly side: Side
  readonly state: OrderState | undefined
  /** Only those that are older than this order. */
  readonly before: string | undefined
  readonly limit: number
}

const columnOf = (side: Side) => sql.raw(side === 'buyer' ? 'buyer_id' : 'seller_id')

/** Orders of one side of a user, the latest first. */
export function readOrdersOf(
  db: Kysely<Database>,
  userId: string,
  { side, state, before, limit }: OrdersPage,
): Promise<OrderRecord[]> {
  return select(
    db,
    sql`where ${columnOf(side)} = ${userId}
      ${state === undefined ? sql`` : sql`and state = ${state}`}
      ${before === undefined ? sql`` : sql`and id < ${before}::uuid`}
      order by id desc limit ${limit}`,
  )
}

/** Counting stops here in each state, because every page of the web asks for it. */
export const ORDERS_COUNTED_MAX = 1_000

/** How many orders one side of a user has in each state; states without any are absent. */
export async function countOrdersOf(
  db: Kysely<Database>,
  userId: string,
  side: Side,
  states: readonly OrderState[],
): Promise<{ state: OrderState; count: number }[]> {
  const { rows } = await sql<{ state: OrderState; count: number }>`
    select state, count
    from unnest(${[...states]}::text[]) as state,
      lateral (
        select count(*)::int as count from (
          select from orders
          where ${columnOf(side)} = ${userId} and orders.state = state.state
          limit ${ORDERS_COUNTED_MAX}
        ) as these
      ) as counted
    where count > 0`.execute(db)
  return rows
}

/** Whether the unit of a cancelled order has another order by now that stands. */
export async function isUnitTaken(
  tx: Transaction<Database>,
  { id, itemId, round, unit }: Pick<Order, 'id' | 'itemId' | 'round' | 'unit'>,
): Promise<boolean> {
  const { rows } = await sql`
    select 1 from orders
    where item_id = ${itemId} and round = ${round} and unit = ${unit} and id <> ${id}
      and state <> 'cancelled' limit 1`.execute(tx)
  return rows.length > 0
}
