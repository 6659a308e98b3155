import { setTimeout as wait } from 'node:timers/promises'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import type { Platform } from '@auction/local/platform.ts'
import { verifyMoney } from '@auction/payment/app/verify/verify-money.ts'
import type { Database } from '@auction/payment/infra/postgres/schema.ts'
import pg from 'pg'
import { AMOUNT, COMMISSION, REFUND } from './load.ts'

export interface MoneyCounts {
  payments: Record<string, number>
  refunds: Record<string, number>
  /** Orders for which the provider took money more than once. */
  doubleCharges: number
  /** Payments of which the provider and we say different things about what was taken. */
  capturedDiffers: number
  /** Orders that are paid and not captured, or captured and not paid. */
  paidDiffers: number
  refundedDiffers: number
  /** Currencies in which the ledger does not add up to zero. */
  unbalanced: number
  /** Of what the provider holds, what the ledger does not say. */
  clearingDiffers: bigint
  unfinished: number
  differences: number
  payouts: Record<string, number>
  reversals: Record<string, number>
  completed: number
  /** Payouts for which the provider made more than one transfer. */
  doublePayouts: number
  /** Transfers without a payout that is done, and payouts that are done without one of the same amount. */
  transfersDiffer: number
  /** Minor units, over all sellers: what they got is not what they sold, less commissions and refunds. */
  paidOutDiffers: number
  /** What `verify-money` names. */
  verified: string[]
}

/** The databases of order and payment, and the provider of the run. */
export interface MoneyPlaces {
  postgres: Pick<Platform['postgres'], 'url'>
  sandbox: Pick<Platform['sandbox'], 'provider'>
}

const SETTLE_MS = 10 * 60_000

interface Intent {
  id: string
  status: string
  amount_received: number
  metadata: { paymentId?: string }
}

interface Row {
  id: string
  state: string
  refunded_amount: string
  orders: string[]
}

// What may still change by itself.
const UNFINISHED = `
  select (select count(*) from payments where state in ('created', 'open', 'processing', 'authorised', 'claimed'))
    + (select count(*) from refunds where state = 'pending')
    + (select count(*) from payment_operations o join payments p on p.id = o.payment_id
        where o.kind in ('capture', 'refund') and o.state in ('planned', 'sending', 'unknown') and p.state = 'captured')
    + (select count(*) from owed_refunds where state = 'open')
    + (select count(*) from payouts where state in ('planned', 'sending', 'unknown'))
    + (select count(*) from payout_reversals where state in ('planned', 'sending', 'unknown'))
    + (select count(*) from (
        select from ledger_postings where account like 'seller:payable:%' group by account having sum(amount) <> 0
      ) as owed) as count`

/** How much is still under way in the databases of payment and order. */
export async function unfinished(places: MoneyPlaces): Promise<number> {
  const [payment, order] = await Promise.all([
    query<{ count: string }>(places, 'payment', UNFINISHED),
    query<{ count: string }>(
      places,
      'order',
      `select count(*) from orders where claimed_by is not null or state = 'collected'`,
    ),
  ])
  return Number(payment[0]?.count) + Number(order[0]?.count)
}

/** How much is still under way when nothing more was done for a while. */
export async function settleMoney(places: MoneyPlaces): Promise<number> {
  const deadlineMs = performance.now() + SETTLE_MS
  for (;;) {
    const waiting = await unfinished(places)
    if (waiting === 0 || performance.now() > deadlineMs) return waiting
    await wait(1_000)
  }
}

/** What must be zero, by what is printed of it. */
export function moneyFaults(counts: MoneyCounts, waiting: number): Record<string, number> {
  return {
    'charged twice': counts.doubleCharges,
    'captured differs': counts.capturedDiffers,
    'paid and captured differ': counts.paidDiffers,
    'refunded differs': counts.refundedDiffers,
    'currencies not zero': counts.unbalanced,
    'clearing differs': Number(counts.clearingDiffers),
    'mismatches and differences': counts.differences + (counts.payments.mismatch ?? 0),
    'paid out twice': counts.doublePayouts,
    'transfers differ': counts.transfersDiffer,
    'paid out differs': counts.paidOutDiffers,
    'verify-money differences': counts.verified.length,
    'not final': waiting,
  }
}

/** Compares the provider, the payments, the ledger and the orders. */
export async function checkMoney(places: MoneyPlaces): Promise<MoneyCounts> {
  const { store } = places.sandbox.provider
  const payments = await query<Row>(
    places,
    'payment',
    `select id, state, refunded_amount::text,
       array(select order_id::text from payment_orders where payment_id = p.id) as orders from payments p`,
  )
  const taken = new Map<string, number>()
  const ofPayment = new Map<string, number>()
  const ordersOf = new Map(payments.map(({ id, orders }) => [id, orders]))
  for (const intent of store.all<Intent>('intents')) {
    if (intent.amount_received === 0) continue
    const id = intent.metadata.paymentId ?? ''
    ofPayment.set(id, (ofPayment.get(id) ?? 0) + intent.amount_received)
    for (const order of ordersOf.get(id) ?? [id]) taken.set(order, (taken.get(order) ?? 0) + 1)
  }
  const captured = payments.filter(({ state }) => state === 'captured')
  const capturedOrders = new Set(captured.flatMap(({ orders }) => orders))
  const orders = await query<{ id: string; isPaid: boolean }>(
    places,
    'order',
    `select id, paid_by is not null as "isPaid" from orders`,
  )
  const received = [...ofPayment.values()].reduce((sum, amount) => sum + amount, 0)
  const given = store
    .all<{ amount: number; status: string }>('refunds')
    .filter(({ status }) => status === 'succeeded')
    .reduce((sum, { amount }) => sum + amount, 0)
  const refunded = payments.reduce((sum, one) => sum + Number(one.refunded_amount), 0)
  const sums = await query<{ clearing: string; unbalanced: string }>(
    places,
    'payment',
    `select coalesce((select sum(amount) from ledger_postings where account = 'clearing:stripe'), 0)::text as clearing,
       (select count(*) from (
         select from ledger_postings group by currency_code having sum(amount) <> 0) as one)::text as unbalanced`,
  )
  const transferred = net(store.all<Transfer>('transfers'))
  const counts = await query<{ refunds: string; failed: string; differences: string }>(
    places,
    'payment',
    `select (select count(*) from refunds where state = 'done')::text as refunds,
       (select count(*) from refunds where state = 'failed')::text as failed,
       (select count(*) from payment_differences where closed_at is null)::text as differences`,
  )
  return {
    payments: countBy(payments.map(({ state }) => state)),
    refunds: { done: Number(counts[0]?.refunds), failed: Number(counts[0]?.failed) },
    doubleCharges: [...taken.values()].filter((count) => count > 1).length,
    capturedDiffers: payments.filter(
      ({ id, state }) => (state === 'captured') !== (ofPayment.get(id) ?? 0) > 0,
    ).length,
    paidDiffers: orders.filter(({ id, isPaid }) => isPaid !== capturedOrders.has(id)).length,
    refundedDiffers: Math.abs(refunded - given),
    unbalanced: Number(sums[0]?.unbalanced),
    clearingDiffers: BigInt(sums[0]?.clearing ?? '0') - BigInt(received - given - transferred),
    unfinished: await unfinished(places),
    differences: Number(counts[0]?.differences),
    ...(await checkPayouts(places)),
    verified: await verify(places),
  }
}

interface Transfer {
  id: string
  amount: number
  amount_reversed: number
  metadata: { payoutId?: string; sellerId?: string }
}

const net = (transfers: readonly Transfer[]) =>
  transfers.reduce((sum, { amount, amount_reversed: back }) => sum + amount - back, 0)

/** Compares what sellers got with what they sold: the orders, the provider's refunds and its transfers. */
async function checkPayouts(places: MoneyPlaces) {
  const transfers = places.sandbox.provider.store.all<Transfer>('transfers')
  const payouts = await query<{ id: string; state: string; amount: string; reference: string }>(
    places,
    'payment',
    'select id, state, amount::text, reference from payouts',
  )
  const reversals = await query<{ state: string }>(
    places,
    'payment',
    'select state from payout_reversals',
  )
  const sold = await query<{ id: string; sellerId: string }>(
    places,
    'order',
    `select id, seller_id as "sellerId" from orders where state = 'completed'`,
  )
  const refunded = await query<{ orderId: string; amount: string }>(
    places,
    'payment',
    `select order_id as "orderId", sum(amount)::text as amount from refunds where state = 'done' group by order_id`,
  )
  const back = new Map(refunded.map(({ orderId, amount }) => [orderId, Number(amount)]))
  const wanted = new Map<string, number>()
  for (const { id, sellerId } of sold) {
    const earned = earnedOf(back.get(id) ?? 0)
    wanted.set(sellerId, (wanted.get(sellerId) ?? 0) + earned)
  }
  const got = new Map<string, number>()
  const byPayout = new Map<string, number>()
  for (const transfer of transfers) {
    const { payoutId = '', sellerId = '' } = transfer.metadata
    got.set(sellerId, (got.get(sellerId) ?? 0) + net([transfer]))
    byPayout.set(payoutId, (byPayout.get(payoutId) ?? 0) + 1)
  }
  const done = new Map(payouts.filter(({ state }) => state === 'done').map((one) => [one.id, one]))
  const strays = transfers.filter(
    ({ id, amount, metadata }) =>
      done.get(metadata.payoutId ?? '')?.reference !== id ||
      Number(done.get(metadata.payoutId ?? '')?.amount) !== amount,
  )
  const missing = [...done.keys()].filter((id) => !byPayout.has(id))
  return {
    payouts: countBy(payouts.map(({ state }) => state)),
    reversals: countBy(reversals.map(({ state }) => state)),
    completed: sold.length,
    doublePayouts: [...byPayout.values()].filter((count) => count > 1).length,
    transfersDiffer: strays.length + missing.length,
    paidOutDiffers: [...new Set([...wanted.keys(), ...got.keys()])].reduce(
      (sum, id) => sum + Math.abs((wanted.get(id) ?? 0) - (got.get(id) ?? 0)),
      0,
    ),
  }
}

/** What the seller of one order gets in the end: the commission of what was refunded is given back. */
function earnedOf(refunded: number): number {
  if (refunded !== 0 && refunded !== REFUND) throw new Error(`${refunded} was refunded`)
  const commission = (AMOUNT * COMMISSION) / 10_000
  return AMOUNT - refunded - (commission - Math.round((commission * refunded) / AMOUNT))
}

async function verify(places: MoneyPlaces): Promise<string[]> {
  const { hostname, port, username, password, pathname } = new URL(places.postgres.url('payment'))
  const config = {
    POSTGRES_HOST: hostname,
    POSTGRES_PORT: Number(port),
    POSTGRES_USERNAME: username,
    POSTGRES_PASSWORD: decodeURIComponent(password),
    POSTGRES_DATABASE: pathname.slice(1),
    POSTGRES_SSLMODE: 'disable',
    POSTGRES_POOL_MAX: 1,
  }
  const log = createLogger('tests', 'silent')
  const pool = createPool(config, { log, name: 'verify', max: 1, isPatient: true })
  try {
    const found: string[] = []
    await verifyMoney(createDatabase<Database>(pool), { report: (one) => found.push(one) })
    return found
  } finally {
    await pool.end()
  }
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

async function query<T extends pg.QueryResultRow>(
  places: MoneyPlaces,
  service: string,
  text: string,
): Promise<T[]> {
  const client = new pg.Client({ connectionString: places.postgres.url(service) })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<T>(text)).rows
  } finally {
    await client.end()
  }
}
