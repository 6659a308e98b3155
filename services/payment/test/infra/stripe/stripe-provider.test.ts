import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { API_VERSION } from '@auction/local/sandbox/request-check.ts'
import { signatureOf } from '@auction/local/sandbox/webhooks.ts'
import t from 'tap'
import type {
  AttemptReference,
  BeginRequest,
  PaymentProvider,
  ProviderCharge,
} from '#src/domain/provider.ts'
import { STRIPE_API_VERSION } from '#src/infra/stripe/stripe-client.ts'
import {
  beginRequest,
  control,
  createSandboxProvider,
  errorOf,
  HOUR_MS,
  payOnPage,
  providerOf,
  WEBHOOK_SECRET,
} from './sandbox.ts'

async function held(
  provider: PaymentProvider,
  request: BeginRequest,
  card?: string,
): Promise<AttemptReference> {
  const { reference, next } = await provider.begin(request, `begin:${request.attemptId}`)
  await payOnPage(next.kind === 'redirect' ? next.url : '', card)
  const { chargeReference } = await provider.look({ reference, chargeReference: null })
  return { reference, chargeReference }
}

t.test('the adapter asks for the version of the API that its requests are checked against', (t) => {
  t.equal(STRIPE_API_VERSION, API_VERSION)
  t.end()
})

t.test('a payment goes from its page to a hold, a capture and refunds, as look says', async (t) => {
  const { provider } = await createSandboxProvider(t)
  const request = beginRequest(1850n)
  const begun = await provider.begin(request, 'k1')
  t.same(await provider.begin(request, 'k1'), begun, 'the same key begins the same')
  const open = { reference: begun.reference, chargeReference: null }
  t.match(await provider.look(open), { state: 'open', money: request.money, captured: 0n })
  const attempt = await held(provider, beginRequest(1850n))
  const hold = await provider.look(attempt)
  t.match(hold, { state: 'authorised', captured: 0n, refunds: [], disputes: [] })
  t.ok(hold.holdEndsAt && hold.holdEndsAt.getTime() > Date.now())
  await provider.capture(attempt, request.money, 'c1')
  await provider.capture(attempt, request.money, 'c1')
  t.match(await errorOf(provider.capture(attempt, request.money, 'c2')), { problem: 'refused' })
  const money = { amount: 850n, currencyCode: 'EUR' }
  await provider.refund(attempt, { refundId: 'r1', money }, 'r1')
  await provider.refund(attempt, { refundId: 'r1', money }, 'r1')
  t.match(await provider.look(attempt), {
    state: 'captured',
    captured: 1850n,
    refunds: [{ refundId: 'r1', amount: 850n, state: 'done' }],
  })
  const all: ProviderCharge[] = []
  const [from, to] = [new Date(Date.now() - HOUR_MS), new Date(Date.now() + HOUR_MS)]
  for await (const charge of provider.charges(from, to)) all.push(charge)
  t.match(all, [{ chargeReference: attempt.chargeReference, captured: 1850n, refunded: 850n }])
})

t.test('a declined card leaves the page open, and says why', async (t) => {
  const { provider } = await createSandboxProvider(t)
  const attempt = await held(provider, beginRequest(1850n), '4000000000009995')
  t.match(await provider.look(attempt), { state: 'open', failureCode: 'insufficient_funds' })
})

t.test(
  'cancelling closes an open page, lets go of a hold, and never undoes a capture',
  async (t) => {
    const { provider } = await createSandboxProvider(t)
    const { reference } = await provider.begin(beginRequest(100n), 'b1')
    await provider.cancel({ reference, chargeReference: null }, 'x1')
    t.match(await provider.look({ reference, chargeReference: null }), { state: 'expired' })
    const attempt = await held(provider, beginRequest(100n))
    await provider.cancel(attempt, 'x2')
    t.match(await provider.look(attempt), { state: 'cancelled', captured: 0n })
    const taken = await held(provider, beginRequest(100n))
    await provider.capture(taken, { amount: 100n, currencyCode: 'EUR' }, 'c3')
    t.match(await errorOf(provider.cancel(taken, 'x3')), { problem: 'refused' })
  },
)

t.test('what may have been done is unclear, what was not done is refused', async (t) => {
  const { sandbox, provider } = await createSandboxProvider(t)
  const impatient = providerOf(sandbox.url, 300)
  const request = beginRequest(100n)
  for (const kind of ['error', 'drop', 'lose_answer', 'hang', 'rate_limited']) {
    await control(sandbox, 'faults', { faults: [{ kind }] })
    const asked = kind === 'hang' ? impatient : provider
    t.match(await errorOf(asked.begin(request, 'f1')), { problem: 'unclear' }, kind)
  }
  await control(sandbox, 'reset', {})
  await provider.begin(request, 'f1')
  const sessions = sandbox.provider.store.all('sessions')
  t.equal(sessions.length, 1, 'five lost answers, one page')
  t.match(await errorOf(provider.look({ reference: 'cs_none', chargeReference: null })), {
    problem: 'refused',
    code: 'resource_missing',
  })
})

t.test('an answer about another amount or currency is a mismatch, never a success', async (t) => {
  const answers: object[] = []
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answers.shift()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const provider = providerOf(`http://127.0.0.1:${port}`)
  answers.push({ id: 'cs_1', amount_total: 185, currency: 'eur', url: 'http://pay' })
  t.match(await errorOf(provider.begin(beginRequest(1850n), 'm1')), { problem: 'mismatch' })
  answers.push({ id: 'cs_1', amount_total: 1850, currency: 'usd', url: 'http://pay' })
  t.match(await errorOf(provider.begin(beginRequest(1850n), 'm2')), { problem: 'mismatch' })
  answers.push({ id: 'pi_1', amount_received: 1849, currency: 'eur' })
  const attempt = { reference: 'cs_1', chargeReference: 'pi_1' }
  t.match(await errorOf(provider.capture(attempt, { amount: 1850n, currencyCode: 'EUR' }, 'm3')), {
    problem: 'mismatch',
  })
})

t.test('only what Stripe signed a short time ago is read', async (t) => {
  const { provider } = await createSandboxProvider(t)
  const now = Math.floor(Date.now() / 1_000)
  const payload = JSON.stringify({
    id: 'evt_1',
    object: 'event',
    type: 'charge.refunded',
    data: { object: { id: 'ch_1', payment_intent: 'pi_1', metadata: { attemptId: 'a1' } } },
  })
  const read = (signature: string | undefined, body = payload) =>
    provider.readWebhook(Buffer.from(body), { 'stripe-signature': signature }, {})
  t.same(read(signatureOf(payload, WEBHOOK_SECRET, now)), {
    eventId: 'evt_1',
    kind: 'charge.refunded',
    subject: 'payment',
    references: ['a1', 'ch_1', 'pi_1'],
  })
  t.match(read(signatureOf(payload, WEBHOOK_SECRET, now), `${payload} `), { refused: String })
  t.match(read(signatureOf(payload, 'whsec_other', now)), { refused: String })
  t.match(read(signatureOf(payload, WEBHOOK_SECRET, now - 301)), { refused: String })
  t.match(read(undefined), { refused: 'no signature' })
})
