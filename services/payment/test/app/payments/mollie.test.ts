import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import t from 'tap'
import { createWorld, type World } from '#test/helper.ts'
import { chooseOnPage, createMollieSandbox } from '#test/infra/mollie/sandbox.ts'
import type { Teardown } from '#test/infra/stripe/sandbox.ts'
import { lookNow, type PaymentBody, read, until } from './buyer.ts'

/** The service on an address that Mollie reports to, and Mollie as its second provider. */
async function createMollieWorld(t: Teardown) {
  const world = await createWorld(t)
  const publicUrl = await world.app.listen({ host: '127.0.0.1', port: 0 })
  const { sandbox, provider } = await createMollieSandbox(t, publicUrl)
  world.providers.set(provider.name, provider)
  return { world, mollie: sandbox }
}

async function balances(world: World): Promise<Record<string, string>> {
  const { rows } = await sql<{ account: string; amount: string }>`
    select account, sum(amount)::text as amount from ledger_postings
    group by account having sum(amount) <> 0`.execute(world.db)
  return Object.fromEntries(rows.map(({ account, amount }) => [account, amount]))
}

/**
 * Looks until the accounts stand so. Mollie's own report may hold the row at the moment of a look, which then passes it
 * over; the next one has it.
 */
async function untilBalances(
  world: World,
  expected: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  await waitFor(`the balances ${JSON.stringify(expected)}`, async () => {
    await lookNow(world)
    const found = await balances(world)
    return Object.entries(expected).every(([account, amount]) => found[account] === amount)
  })
}

async function begin(world: World) {
  const buyer = world.person()
  const { orderId } = world.orders.add(buyer.id, {})
  const answer = await world.app.inject({
    method: 'POST',
    url: '/api/v1/payments',
    headers: { ...buyer.headers, 'idempotency-key': 'k1' },
    payload: { orderIds: [orderId], provider: 'mollie' },
  })
  const payment: PaymentBody = answer.json()
  return { buyer, orderId, payment }
}

t.test('a buyer pays by Mollie, and a report has the payment looked at', async (t) => {
  const { world, mollie } = await createMollieWorld(t)
  mollie.provider.settings = { ...mollie.provider.settings, capturesWait: true }
  const { buyer, payment } = await begin(world)
  t.match(payment, { state: 'open', next: { kind: 'redirect' } })
  await lookNow(world)
  await chooseOnPage(payment.next.url ?? '')
  await waitFor('the report to have it looked at', async () => {
    const { rows } = await sql<{ due: boolean }>`
      select due_at <= clock_timestamp() as due from payments where id = ${payment.id}`.execute(
      world.db,
    )
    return rows[0]?.due === true
  })
  await until(world, buyer, payment.id, 'claimed')
  const [created] = mollie.store.all<{ id: string }>('payments')
  mollie.provider.settleCapture(created?.id ?? '')
  t.match(await until(world, buyer, payment.id, 'captured'), { amount: '18.50' })
  t.same(await balances(world), {
    'clearing:mollie': '1850',
    [`seller:pending:${world.orders.sellerId}`]: '-1850',
  })
})

t.test('a refund is due until Mollie has paid it, and a chargeback is held', async (t) => {
  const { world, mollie } = await createMollieWorld(t)
  const { buyer, orderId, payment } = await begin(world)
  await chooseOnPage(payment.next.url ?? '')
  await until(world, buyer, payment.id, 'captured')
  mollie.provider.settings = { ...mollie.provider.settings, refundsWait: true }
  const moderator = world.person({
    roles: ['user', 'moderator'],
    auth_time: Math.floor(Date.now() / 1_000),
  })
  const answer = await world.app.inject({
    method: 'POST',
    url: `/api/v1/payments/${payment.id}/refunds`,
    headers: { ...moderator.headers, 'idempotency-key': 'r1' },
    payload: { orderId, amount: '5.00', reason: 'broken' },
  })
  t.equal(answer.statusCode, 201)
  // A look is passed over while a report of the capture has the row.
  const refund = await waitFor('the refund to be sent', async () => {
    await lookNow(world)
    return mollie.store.all<{ id: string }>('refunds')[0]
  })
  t.match(await balances(world), { 'clearing:mollie': '1850', 'refund:due': '-500' })
  mollie.provider.settleRefund(refund.id, true)
  await untilBalances(world, { 'clearing:mollie': '1350', 'refund:due': undefined })
  const [created] = mollie.store.all<{ id: string }>('payments')
  const chargeback = mollie.provider.chargeBack(created?.id ?? '')
  await untilBalances(world, { 'dispute:held': '1350' })
  mollie.provider.reverse(chargeback.id)
  await untilBalances(world, { 'clearing:mollie': '1350', 'dispute:held': undefined })
})

t.test('a payment that Mollie ends is over, and the order can be paid again', async (t) => {
  const { world } = await createMollieWorld(t)
  const { buyer, payment } = await begin(world)
  await chooseOnPage(payment.next.url ?? '', 'failed')
  t.match(await until(world, buyer, payment.id, 'failed'), { code: 'insufficient_funds' })
  t.equal((await read(world, buyer, payment.id)).next.kind, 'none')
})

t.test('a page that could not be closed is paid on, and the hold is let go of', async (t) => {
  const { world, mollie } = await createMollieWorld(t)
  const { buyer, payment } = await begin(world)
  const answer = await world.app.inject({
    method: 'POST',
    url: `/api/v1/payments/${payment.id}/cancel`,
    headers: { ...buyer.headers, 'idempotency-key': 'x1' },
  })
  t.ok(answer.statusCode < 300, answer.body)
  await lookNow(world)
  t.match(await read(world, buyer, payment.id), { state: 'open' })
  await chooseOnPage(payment.next.url ?? '')
  await until(world, buyer, payment.id, 'cancelled')
  const [created] = mollie.store.all<{ status: string }>('payments')
  t.equal(created?.status, 'canceled')
  t.same(world.orders.claims, [])
})

t.test('forged reports are refused, and record nothing', async (t) => {
  const { world } = await createMollieWorld(t)
  const { payment } = await begin(world)
  for (const query of ['', `?attempt=${payment.id}&proof=x`]) {
    const answer = await world.app.inject({
      method: 'POST',
      url: `/webhooks/payments/mollie${query}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'id=tr_1',
    })
    t.equal(answer.statusCode, 401)
  }
  const { rows } = await sql`select 1 from provider_events`.execute(world.db)
  t.equal(rows.length, 0)
})
