import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import { advanceDue } from '#src/app/payments/payment-timers.ts'
import type { Person, World } from '#test/helper.ts'
import { payOnPage } from '#test/infra/stripe/sandbox.ts'

export interface PaymentBody {
  id: string
  state: string
  code?: string
  amount: string
  refundedAmount: string
  next: { kind: string; url?: string }
  sequence: number
}

export function begin(
  { app }: World,
  buyer: Person,
  orderIds: readonly string[],
  more: { key?: string; returnUrl?: string } = {},
) {
  return app.inject({
    method: 'POST',
    url: '/api/v1/payments',
    headers: { ...buyer.headers, 'idempotency-key': more.key ?? randomUUID() },
    payload: { orderIds, ...(more.returnUrl === undefined ? {} : { returnUrl: more.returnUrl }) },
  })
}

export async function read({ app }: World, buyer: Person, id: string): Promise<PaymentBody> {
  const answer = await app.inject({ url: `/api/v1/payments/${id}`, headers: buyer.headers })
  return answer.json()
}

/** Has every payment looked at, whenever it was to be looked at. */
export async function lookNow(world: World): Promise<void> {
  await sql`update payments set due_at = clock_timestamp() where due_at is not null`.execute(
    world.db,
  )
  await advanceDue(world.advance)
}

/** Advances until the payment is in the state. */
export async function until(
  world: World,
  buyer: Person,
  id: string,
  state: string,
): Promise<PaymentBody> {
  return waitFor(`the payment to be ${state}`, async () => {
    await lookNow(world)
    const payment = await read(world, buyer, id)
    return payment.state === state ? payment : undefined
  })
}

/** An order of 18.50, begun and paid on the page. */
export async function paidOnPage(world: World, buyer: Person, card?: string) {
  const order = world.orders.add(buyer.id, {})
  const payment: PaymentBody = (await begin(world, buyer, [order.orderId])).json()
  await payOnPage(payment.next.url ?? '', card)
  return { order, payment }
}

export async function captured(world: World, buyer: Person) {
  const { order, payment } = await paidOnPage(world, buyer)
  await until(world, buyer, payment.id, 'captured')
  return { order, payment }
}

/** Names and orders of what was written to the outbox, in order. */
export async function events(
  world: World,
): Promise<{ event: string; payload: Record<string, unknown> }[]> {
  const { rows } = await sql<{
    events: { envelope: { event: string; payload: Record<string, unknown> } }[]
  }>`
    select events from outbox order by seq`.execute(world.db)
  return rows.flatMap((row) => row.events.map(({ envelope }) => envelope))
}
