import type { AddressInfo } from 'node:net'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { signatureOf } from '@auction/local/sandbox/webhooks.ts'
import t from 'tap'
import { adoptOrphans, advanceDue } from '#src/app/payments/payment-timers.ts'
import { createWorld, type World } from '#test/helper.ts'
import { control, payOnPage, WEBHOOK_SECRET } from '#test/infra/stripe/sandbox.ts'
import { begin, events, lookNow, type PaymentBody, paidOnPage, read } from './buyer.ts'

const nowS = () => Math.floor(Date.now() / 1_000)

function report(
  world: World,
  payload: string,
  signature = signatureOf(payload, WEBHOOK_SECRET, nowS()),
) {
  return world.app.inject({
    method: 'POST',
    url: '/webhooks/payments/stripe',
    headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature },
    payload,
  })
}

const bodyOf = (id: string, attemptId: string, type = 'checkout.session.completed') =>
  JSON.stringify({
    id,
    object: 'event',
    type,
    data: { object: { id: 'cs_unknown', metadata: { attemptId } } },
  })

t.test('a report has the payment looked at, and what it says is not believed', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { orderId } = world.orders.add(buyer.id, {})
  const payment: PaymentBody = (await begin(world, buyer, [orderId])).json()
  await lookNow(world)
  t.equal((await report(world, bodyOf('evt_1', payment.id))).statusCode, 200)
  await advanceDue(world.advance)
  t.equal((await read(world, buyer, payment.id)).state, 'open', 'nothing was paid on the page')
  await payOnPage(payment.next.url ?? '')
  await report(world, bodyOf('evt_2', payment.id))
  await advanceDue(world.advance)
  t.equal((await read(world, buyer, payment.id)).state, 'captured')
})

t.test('a report that comes twenty times at once is kept once', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { payment } = await paidOnPage(world, buyer)
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => report(world, bodyOf('evt_1', payment.id))),
  )
  t.same([...new Set(answers.map(({ statusCode }) => statusCode))], [200])
  t.equal((await world.db.selectFrom('provider_events').selectAll().execute()).length, 1)
  await Promise.all([advanceDue(world.advance), advanceDue(world.advance)])
  await lookNow(world)
  t.equal((await events(world)).filter(({ event }) => event === 'payment.succeeded').length, 1)
})

t.test('forged, changed and old reports are refused and leave no row', async (t) => {
  const world = await createWorld(t)
  const payload = bodyOf('evt_1', '0198c5a0-0000-7000-8000-000000000000')
  const refused = [
    signatureOf(payload, 'whsec_other', nowS()),
    signatureOf(`${payload} `, WEBHOOK_SECRET, nowS()),
    signatureOf(payload, WEBHOOK_SECRET, nowS() - 301),
    'nonsense',
  ]
  for (const signature of refused) {
    const answer = await report(world, payload, signature)
    t.match([answer.statusCode, answer.json().code], [401, 'payment.webhook_refused'])
  }
  const other = await world.app.inject({ method: 'POST', url: '/webhooks/payments/other', payload })
  t.equal(other.statusCode, 404)
  t.same(await world.db.selectFrom('provider_events').selectAll().execute(), [])
})

t.test('a report that overtakes our own row waits for it', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { payment } = await paidOnPage(world, buyer)
  const payload = bodyOf('evt_1', payment.id)
    .replace('cs_unknown', 'cs_later')
    .replace(payment.id, 'x')
  t.equal((await report(world, payload)).statusCode, 200)
  const state = async () =>
    (await world.db.selectFrom('provider_events').select('state').executeTakeFirstOrThrow()).state
  await adoptOrphans(world.advance)
  t.equal(await state(), 'orphan')
  await world.db.updateTable('payments').set({ charge_reference: 'cs_later' }).execute()
  await adoptOrphans(world.advance)
  t.equal(await state(), 'taken')
})

t.test('reports of other things are kept and change nothing', async (t) => {
  const world = await createWorld(t)
  t.equal((await report(world, bodyOf('evt_1', 'x', 'account.updated'))).statusCode, 200)
  t.match(await world.db.selectFrom('provider_events').selectAll().execute(), [
    { state: 'ignored' },
  ])
})

t.test('without the database a report is not taken, so the provider sends it again', async (t) => {
  const world = await createWorld(t)
  await world.database.pool.end()
  t.ok((await report(world, bodyOf('evt_1', 'x'))).statusCode >= 500)
})

t.test(
  "the sandbox's own reports bring a payment home: doubled, late and in any order",
  async (t) => {
    const world = await createWorld(t)
    await world.app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = world.app.server.address() as AddressInfo
    world.sandbox.webhooks.sendTo({
      url: `http://127.0.0.1:${port}/webhooks/payments/stripe`,
      secret: WEBHOOK_SECRET,
    })
    await control(world.sandbox, 'webhooks', { copies: 2, jitterMs: 200 })
    const buyer = world.person()
    const { payment } = await paidOnPage(world, buyer)
    await waitFor('the capture', async () => {
      await advanceDue(world.advance)
      return (await read(world, buyer, payment.id)).state === 'captured'
    })
    await waitFor('all reports', async () => {
      const state = await (await fetch(`${world.sandbox.url}/sandbox/state`)).json()
      return (state as { undelivered: number }).undelivered === 0
    })
    await advanceDue(world.advance)
    t.equal((await events(world)).filter(({ event }) => event === 'payment.succeeded').length, 1)
  },
)
