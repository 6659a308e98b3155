import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { onOrderResolved } from '#src/app/payments/order-resolved.ts'
import { onRefundSettled } from '#src/app/payments/refund-settled.ts'
import type { Person, World } from '#test/helper.ts'

export const freshly = () => Math.floor(Date.now() / 1_000)

/** The seller of the orders of this world, who proved who they are a moment ago. */
export const seller = (
  world: World,
  claims: Record<string, unknown> = { auth_time: freshly() },
): Person => world.person(claims, world.orders.sellerId)

export function refund(
  { app }: World,
  who: Person,
  paymentId: string,
  payload: { orderId: string; amount: string; reason?: string },
  key: string = randomUUID(),
) {
  return app.inject({
    method: 'POST',
    url: `/api/v1/payments/${paymentId}/refunds`,
    headers: { ...who.headers, 'idempotency-key': key },
    payload: { reason: 'broken', ...payload },
  })
}

export async function balances(world: World): Promise<Record<string, string>> {
  const { rows } = await sql<{ account: string; amount: string }>`
    select account, sum(amount)::text as amount from ledger_postings
    group by account having sum(amount) <> 0`.execute(world.db)
  return Object.fromEntries(rows.map(({ account, amount }) => [account, amount]))
}

/** The order service reports that a dispute was decided for the buyer. */
export async function resolved(
  world: World,
  order: { orderId: string; itemId: string; buyerId: string },
  refundAmount: string,
  sequence: number,
): Promise<void> {
  const consumer = onOrderResolved(world.advance)
  const { orderId, itemId, buyerId } = order
  const event = {
    payload: {
      orderId,
      itemId,
      buyerId,
      sellerId: world.orders.sellerId,
      resolution: 'buyer',
      refundAmount,
      currencyCode: 'EUR',
      sequence,
    },
  } as Parameters<typeof consumer.handle>[1]
  await world.db.transaction().execute((tx) => consumer.handle(tx, event))
}

/** The order service reports that a moderator ended the wait for what a decision owes. */
export async function settled(
  world: World,
  order: { orderId: string; itemId: string; buyerId: string },
  outcome: 'refunded' | 'resumed',
  sequence: number,
): Promise<void> {
  const consumer = onRefundSettled()
  const { orderId, itemId, buyerId } = order
  const { sellerId } = world.orders
  const event = {
    payload: { orderId, itemId, buyerId, sellerId, outcome, sequence },
  } as Parameters<typeof consumer.handle>[1]
  await world.db.transaction().execute((tx) => consumer.handle(tx, event))
}
