import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import type { Answer, ApiClient, RequestOptions } from '#src/api-client.ts'
import type { Chance } from '#src/crash/history.ts'
import { insist, logIn, type Person } from '#src/people.ts'
import { openPool } from '#src/pools.ts'
import type { MoneyPlaces } from './check.ts'

/** What a buyer does with one order, and what became of it. */
export interface Attempt {
  orderId: string
  /** How the buyer behaves on the page. */
  does: (typeof BEHAVIOURS)[number]
  paymentId: string | undefined
  state: string
  /** Its seller is paid for it. */
  isCompleted: boolean
  /** Why its buyer gave up; undefined: it came to an end. */
  problem: string | undefined
}

// Most of them pay.
const BEHAVIOURS = [
  'pays',
  'pays',
  'pays',
  'pays',
  'declined first',
  'cancels',
  'order cancelled',
] as const
const FINAL = new Set(['captured', 'failed', 'expired', 'cancelled', 'mismatch'])
const GOOD_CARD = '4242424242424242'
const BAD_CARD = '4000000000000002'
const PATIENCE_MS = 5 * 60_000
const ANSWER_MS = 15_000
const TOKEN_AGE_MS = 4 * 60_000
export const AMOUNT = 1_850
export const REFUND = 100
/** Of each sale, in ten thousandths. */
export const COMMISSION = 1_000

export interface MoneyLoad {
  attempts: Attempt[]
  ended(): number
  /** Resolves when every buyer has come to an end or has given up. */
  done: Promise<void>
  /** No new buyers; resolves when those under way have come to an end. */
  stop(): Promise<void>
}

export interface MoneyLoadOptions {
  places: Pick<MoneyPlaces, 'postgres'>
  client: ApiClient
  buyers: readonly Person[]
  sellers: readonly Person[]
  /** Gives money back after the seller was paid. */
  admin: Person
  chance: Chance
  payments: number
  atOnce: number
}

/** What the platform takes of a sale, and where sellers are paid. */
export async function setUpMoney(
  client: ApiClient,
  admin: Person,
  sellers: readonly Person[],
): Promise<void> {
  await insist(client, 'POST', '/api/v1/billing/commission-rates', {
    token: await logIn(client, admin.email),
    body: { basisPoints: COMMISSION },
    accept: [201],
  })
  for (const seller of sellers) {
    const { body } = await insist(client, 'POST', '/api/v1/billing/payout-account/page', {
      token: seller.token,
      body: {},
      accept: [201],
    })
    const details = new URLSearchParams({ answer: 'accept' })
    await fetch(String(body.url), { method: 'POST', body: details, redirect: 'manual' })
  }
}

/** Buyers who pay orders as clients do: they repeat what was not answered, with the same key. */
export function startMoneyLoad(options: MoneyLoadOptions): MoneyLoad {
  const { places, atOnce, chance, buyers } = options
  const attempts: Attempt[] = []
  const pool = openPool(places.postgres.url('order'), 4)
  let ended = 0
  let next = 0
  let payments = options.payments
  const work = async () => {
    while (next < payments) {
      next += 1
      const attempt: Attempt = {
        orderId: randomUUID(),
        does: chance.pick(BEHAVIOURS),
        paymentId: undefined,
        state: 'none',
        isCompleted: false,
        problem: undefined,
      }
      attempts.push(attempt)
      try {
        await live(options, pool, chance.pick(buyers), attempt)
      } catch (error) {
        attempt.problem = error instanceof Error ? error.message : String(error)
      }
      ended += 1
    }
  }
  const done = Promise.all(Array.from({ length: atOnce }, work)).then(() => pool.end())
  return {
    attempts,
    ended: () => ended,
    done,
    async stop() {
      payments = next
      await done
    },
  }
}

/** Repeats until the answer is one of the platform, and not of a kill. */
async function persist<T>(what: string, work: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = performance.now() + PATIENCE_MS
  for (;;) {
    const result = await work().catch(() => undefined)
    if (result !== undefined) return result
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`)
    await wait(200)
  }
}

const tokens = new Map<string, { token: string; atMs: number }>()

async function tokenOf(client: ApiClient, person: Person): Promise<string> {
  const known = tokens.get(person.id)
  if (known !== undefined && performance.now() - known.atMs < TOKEN_AGE_MS) return known.token
  const token = await persist('a login', () => logIn(client, person.email))
  tokens.set(person.id, { token, atMs: performance.now() })
  return token
}

/** An answer below 500 that is not a pause. */
const ask = (
  client: ApiClient,
  person: Person,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Answer> =>
  persist(`${method} ${path}`, async () => {
    const token = await tokenOf(client, person)
    const answer = await client.request(method, path, { ...options, token, timeoutMs: ANSWER_MS })
    return answer.statusCode >= 500 || answer.statusCode === 429 ? undefined : answer
  })

async function live(
  { client, sellers, admin, chance }: MoneyLoadOptions,
  pool: pg.Pool,
  buyer: Person,
  attempt: Attempt,
): Promise<void> {
  const { orderId, does } = attempt
  const seller = chance.pick(sellers)
  await persist('an order', () => insertOrder(pool, orderId, seller.id, buyer.id))
  const begun = await ask(client, buyer, 'POST', '/api/v1/payments', {
    headers: { 'idempotency-key': orderId },
    body: { orderIds: [orderId] },
  })
  if (begun.statusCode !== 201) throw new Error(`begin ${begun.statusCode} ${begun.body.code}`)
  const id = String(begun.body.id)
  attempt.paymentId = id
  const read = async () => {
    const { body } = await ask(client, buyer, 'GET', `/api/v1/payments/${id}`)
    attempt.state = String(body.state)
    return body as { state: string; next: { url?: string } }
  }
  const url = await persist('the page', async () => {
    const { state, next } = await read()
    return next.url ?? (FINAL.has(state) ? '' : undefined)
  })
  if (does === 'cancels') await ask(client, buyer, 'POST', `/api/v1/payments/${id}/cancel`)
  if (does === 'declined first') await pay(url, BAD_CARD)
  if (does !== 'cancels' || chance.below(2) === 0) await pay(url, GOOD_CARD)
  if (does === 'order cancelled') await persist('a cancellation', () => cancelOrder(pool, orderId))
  await persist('the end', async () => FINAL.has((await read()).state) || undefined)
  if (attempt.state !== 'captured') return
  attempt.isCompleted = chance.below(6) > 0
  // Before the order is completed, at that moment, or when the seller has been paid.
  const refundMs = [0, 0, 8_000][chance.below(3)] ?? 0
  const isRefunded = chance.below(3) === 0
  const refunding = async (giver: Person) => {
    const { statusCode, body } = await ask(
      client,
      giver,
      'POST',
      `/api/v1/payments/${id}/refunds`,
      {
        headers: { 'idempotency-key': `refund-${orderId}` },
        body: { orderId, amount: '1.00', reason: 'broken' },
      },
    )
    if (statusCode !== 201 && body.code !== 'payment.refund_not_covered') {
      throw new Error(`refund ${statusCode} ${body.code}`)
    }
  }
  const early = isRefunded && refundMs === 0 ? refunding(seller) : undefined
  if (attempt.isCompleted) await persist('a completion', () => completeOrder(pool, orderId))
  await early
  if (isRefunded && refundMs > 0) {
    await wait(refundMs)
    await refunding(admin)
  }
}

const pay = (url: string, card: string) =>
  url === ''
    ? Promise.resolve(true)
    : persist('a payment on the page', async () => {
        const body = new URLSearchParams({ card })
        await fetch(url, { method: 'POST', body, redirect: 'manual' })
        return true
      })

/** As an auction that was won makes it; the rest of the platform needs no item for it to be paid. */
async function insertOrder(
  pool: pg.Pool,
  orderId: string,
  sellerId: string,
  buyerId: string,
): Promise<true> {
  await pool.query(
    `insert into orders (id, item_id, round, unit, seller_id, buyer_id, source, item_name, currency_code, amount,
       premium, state, won_at, due_at, cancel_at, sequence)
     values ($1, $1, 1, 1, $2, $3, 'won', 'A lamp', 'EUR', $4, 0, 'pending_payment', now(), now() + interval '1 day',
       now() + interval '2 days', 1)
     on conflict do nothing`,
    [orderId, sellerId, buyerId, AMOUNT],
  )
  return true
}

/** As its seller does; one that is claimed or paid stays. */
async function cancelOrder(pool: pg.Pool, orderId: string): Promise<true> {
  await pool.query(
    `update orders set state = 'cancelled', cancel_reason = 'seller', sequence = sequence + 1
     where id = $1 and state = 'pending_payment' and claimed_by is null`,
    [orderId],
  )
  return true
}

/** As its seller does who was shown the buyer's code; the order service completes it. */
async function completeOrder(pool: pg.Pool, orderId: string): Promise<true | undefined> {
  const { rowCount } = await pool.query(
    `with collected as (
       update orders set state = 'collected', sequence = sequence + 1
       where id = $1 and state = 'paid' returning id
     )
     insert into timers (order_id, kind, due_at) select id, 'complete', now() from collected`,
    [orderId],
  )
  if (rowCount === 1) return true
  // The report of the payment is still under way; or this was done, and the answer was lost.
  const { rows } = await pool.query<{ state: string }>('select state from orders where id = $1', [
    orderId,
  ])
  return rows[0]?.state === 'collected' || rows[0]?.state === 'completed' || undefined
}
