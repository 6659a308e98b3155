import { randomUUID } from 'node:crypto'
import { bidClosed } from '@auction/common/contracts/bid.ts'
import { createEvent, type OutboxEvent } from '@auction/common/contracts/event.ts'
import { orderCancelled, orderPaid } from '@auction/common/contracts/order.ts'
import type { LotDeposit } from '@auction/common/contracts/terms.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { consume } from '@auction/common/testing/consume.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import { advanceDueDeposits, releaseDueDeposits } from '#src/app/deposits/deposit-timers.ts'
import { onLotClosed } from '#src/app/deposits/lot-closed.ts'
import { onOrderPaid } from '#src/app/deposits/order-paid.ts'
import { createPace } from '#src/app/deposits/pace.ts'
import { onOrderCancelled } from '#src/app/payments/order-cancelled.ts'
import type { Person, World } from '#test/helper.ts'
import { payOnPage } from '#test/infra/stripe/sandbox.ts'

/** Of one lot, as it is unless an operator says otherwise. */
export const RELEASES_PER_SECOND = 20

export interface DepositBody {
  id: string
  itemId: string
  state: string
  code?: string
  amount: string
  next: { kind: string; url?: string }
  heldUntil?: string
  isEnding: boolean
  orderId?: string
  sequence: number
}

export function ask({ app }: World, bidder: Person, itemId: string, key: string = randomUUID()) {
  return app.inject({
    method: 'POST',
    url: '/api/v1/deposits',
    headers: { ...bidder.headers, 'idempotency-key': key },
    payload: { itemId },
  })
}

export async function readOwn({ app }: World, bidder: Person, id: string): Promise<DepositBody> {
  const answer = await app.inject({ url: `/api/v1/deposits/${id}`, headers: bidder.headers })
  return answer.json()
}

/** Has a deposit looked at, or every one, whenever it was to be looked at. */
export async function lookNow(world: World, id: string | null = null): Promise<void> {
  await sql`update deposits set due_at = clock_timestamp()
    where due_at is not null and (${id}::uuid is null or id = ${id}::uuid)`.execute(world.db)
  await advanceDueDeposits(world.advance)
  await releaseDueDeposits(world.advance, createPace(10))
}

/** Advances until the deposit is in the state. */
export const until = (
  world: World,
  bidder: Person,
  id: string,
  state: string,
): Promise<DepositBody> =>
  waitFor(`the deposit to be ${state}`, async () => {
    await lookNow(world, id)
    const deposit = await readOwn(world, bidder, id)
    return deposit.state === state ? deposit : undefined
  })

/** Advances until the deposit is not held any more: a look of another test may have taken it, and be on its way. */
export const untilDecided = (world: World, bidder: Person, id: string): Promise<DepositBody> =>
  waitFor('the deposit to be decided', async () => {
    await lookNow(world, id)
    const deposit = await readOwn(world, bidder, id)
    return deposit.state === 'held' ? undefined : deposit
  })

/** A deposit that the card of the bidder holds. */
export async function held(world: World, bidder: Person, itemId: string): Promise<DepositBody> {
  const deposit: DepositBody = (await ask(world, bidder, itemId)).json()
  await payOnPage(deposit.next.url ?? '')
  return until(world, bidder, deposit.id, 'held')
}

const context = (aggregateId: string) => ({ aggregateId, sequence: 9, trace: ownTrace('test') })

export function closedEvent(lot: LotDeposit, winnerId?: string, isCancelled = false): OutboxEvent {
  const at = new Date().toISOString()
  return createEvent(bidClosed, context(lot.itemId), {
    itemId: lot.itemId,
    round: 1,
    outcome: isCancelled ? 'cancelled' : winnerId === undefined ? 'no_bids' : 'sold',
    currencyCode: lot.currencyCode,
    ...(winnerId === undefined ? {} : { winnerId, finalAmount: '100.00' }),
    bidCount: winnerId === undefined ? 0 : 1,
    reserveMet: true,
    endDate: at,
    closedAt: at,
    sequence: 9,
  })
}

export interface Bought {
  orderId: string
  itemId: string
  buyerId: string
  sellerId: string
}

export const orderOf = (lot: LotDeposit, buyerId: string): Bought => ({
  orderId: randomUUID(),
  itemId: lot.itemId,
  buyerId,
  sellerId: lot.sellerId,
})

export const paidEvent = (order: Bought): OutboxEvent =>
  createEvent(orderPaid, context(order.orderId), {
    ...order,
    paymentId: randomUUID(),
    total: '100.00',
    currencyCode: 'EUR',
    at: new Date().toISOString(),
    sequence: 9,
  })

export const cancelledEvent = (
  order: Bought,
  reason = 'unpaid',
  asked: { reservedUntil?: string; total?: string; currencyCode?: string } = {
    total: '100.00',
    currencyCode: 'EUR',
  },
): OutboxEvent =>
  createEvent(orderCancelled, context(order.orderId), {
    ...order,
    round: 1,
    unit: 1,
    reason,
    ...asked,
    strike: reason === 'unpaid',
    sequence: 9,
  })

/** As the worker does when bid and order publish. */
export const publish = ({ db, advance }: World, ...published: OutboxEvent[]): Promise<void> =>
  consume(db, published, [
    onLotClosed({ releasesPerSecond: RELEASES_PER_SECOND }),
    onOrderPaid(),
    onOrderCancelled(advance),
  ])

/** A deposit that was taken for an order that was not paid. */
export async function taken(world: World) {
  const lot = world.bids.add()
  const ann = world.person()
  const order = orderOf(lot, ann.id)
  const { id } = await held(world, ann, lot.itemId)
  await publish(world, cancelledEvent(order))
  await until(world, ann, id, 'captured')
  return { id, ann, order, lot }
}

/** What the sandbox gave back of a deposit, refund by refund. */
export const givenBack = ({ sandbox }: World, id: string): number[] =>
  sandbox.provider.store
    .all<{ amount: number; metadata: { refundId?: string } }>('refunds')
    .filter(({ metadata }) => metadata.refundId === id)
    .map(({ amount }) => amount)

/** What the sandbox has of a deposit: the state of its hold, and how much was taken. */
export function holdOf({ sandbox }: World, id: string) {
  const intents = sandbox.provider.store
    .all<{ status: string; amount_received: number; metadata: { attemptId?: string } }>('intents')
    .filter(({ metadata }) => metadata.attemptId === id)
  return intents.map(({ status, amount_received: taken }) => ({ status, taken }))
}
