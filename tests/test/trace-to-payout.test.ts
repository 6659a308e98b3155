import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { sellTo } from '#src/in-time.ts'
import { insist, join, type Person } from '#src/people.ts'
import { createPlatform } from './helper.ts'
import { createOtlpReceiver } from './otlp-receiver.ts'

const MINUTES_MS = 120_000

const newTraceId = () => randomUUID().replaceAll('-', '')
const traced = (traceId: string) => ({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` })

const LOT_MS = 15_000

t.test('links lead from a payout back to the bid, over every timer between them', async (t) => {
  const otlp = await createOtlpReceiver(t)
  const { client } = await createPlatform(t, {
    env: { '*': { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url, OTEL_TRACES_SAMPLE_RATIO: '1' } },
  })
  const run = randomUUID().slice(0, 8)
  const [sue, bob] = (await Promise.all(
    ['sue', 'bob'].map((name) => join(client, name, `${name}-${run}`)),
  )) as [Person, Person]
  const [bid, payment, collection] = [newTraceId(), newTraceId(), newTraceId()]
  const ask = (person: Person, method: string, path: string, body?: unknown, traceId?: string) =>
    insist(client, method, path, {
      token: person.token,
      headers: {
        'idempotency-key': randomUUID(),
        ...(traceId === undefined ? {} : traced(traceId)),
      },
      ...(body === undefined ? {} : { body }),
      accept: [200, 201, 204],
    })
  const submit = (page: string, fields: Record<string, string>) =>
    fetch(page, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
  const { body: page } = await ask(sue, 'POST', '/api/v1/billing/payout-account/page', {})
  await submit(String(page.url), { answer: 'accept' })

  const lamp = { name: 'A lamp', startPrice: '10.00', durationMs: LOT_MS }
  await sellTo(client, { seller: sue, bidder: bob, headers: traced(bid) }, lamp, '25.00')
  const order = await waitFor(
    'the order',
    async () => {
      const { body } = await ask(bob, 'GET', '/api/v1/orders?role=buyer')
      return (body.orders as { id: string }[])[0]?.id
    },
    MINUTES_MS,
  )
  const stateOf = async () => (await ask(bob, 'GET', `/api/v1/orders/${order}`)).body.state
  await ask(bob, 'PUT', `/api/v1/orders/${order}/delivery`, { method: 'collection' })
  const { body: begun } = await ask(bob, 'POST', '/api/v1/payments', { orderIds: [order] }, payment)
  await submit((begun.next as { url: string }).url, { card: '4242 4242 4242 4242' })
  await waitFor('the payment', async () => (await stateOf()) === 'paid', MINUTES_MS)
  const { body: shown } = await ask(bob, 'POST', `/api/v1/orders/${order}/collection-code`)
  const code = { code: shown.code }
  await ask(sue, 'POST', `/api/v1/orders/${order}/collection`, code, collection)

  const sent = await waitFor(
    'the payout',
    () => otlp.find('notification.payment.payout_sent.v1 process'),
    MINUTES_MS,
  )
  // A lot that was over before the bid came has a closing as well.
  const close = await otlp.find('lot close', ({ links }) => links.includes(bid))
  const spans = await otlp.trace(sent.traceId, ['payout', 'payment.payout_sent.v1 publish'])
  const payout = spans.find(({ name }) => name === 'payout')
  t.match(payout, { service: 'payment', parentSpanId: '' }, 'a timer began it')
  await waitFor('every link', () => otlp.before(sent.traceId).has(bid), MINUTES_MS)
  const before = otlp.before(sent.traceId)
  for (const [name, traceId] of Object.entries({
    collection,
    payment,
    close: close.traceId,
    bid,
  })) {
    t.ok(before.has(traceId), `it goes on from the ${name}`)
  }
  t.notOk(otlp.before(bid).has(sent.traceId), 'and not the other way')
  t.strictSame(close.links, [bid], 'the closing names the bid')
})
