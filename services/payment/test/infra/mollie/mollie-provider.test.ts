import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type {
  AttemptReference,
  BeginRequest,
  PaymentProvider,
  ProviderCharge,
  ProviderMove,
} from '#src/domain/provider.ts'
import { beginRequest, errorOf, HOUR_MS } from '#test/infra/stripe/sandbox.ts'
import { chooseOnPage, createMollieSandbox, mollieOf } from './sandbox.ts'

const EUR = (amount: bigint) => ({ amount, currencyCode: 'EUR' })

async function begun(
  provider: PaymentProvider,
  request: BeginRequest,
  outcome?: string,
): Promise<AttemptReference> {
  const { reference, next } = await provider.begin(request, `begin:${request.attemptId}`)
  if (outcome !== undefined) await chooseOnPage(next.kind === 'redirect' ? next.url : '', outcome)
  return { reference, chargeReference: null }
}

t.test('a payment goes from its page to a hold, a capture and refunds, as look says', async (t) => {
  const { provider } = await createMollieSandbox(t)
  const request = beginRequest(1850n)
  const first = await provider.begin(request, 'k1')
  t.same(await provider.begin(request, 'k1'), first, 'the same key begins the same')
  const open = { reference: first.reference, chargeReference: null }
  t.match(await provider.look(open), { state: 'open', money: request.money, captured: 0n })
  const attempt = await begun(provider, beginRequest(1850n), 'paid')
  const hold = await provider.look(attempt)
  t.match(hold, { state: 'authorised', captured: 0n, refunds: [], disputes: [] })
  t.equal(hold.chargeReference, attempt.reference)
  t.ok(hold.holdEndsAt && hold.holdEndsAt.getTime() > Date.now())
  await provider.capture(attempt, request.money, 'c1')
  await provider.capture(attempt, request.money, 'c1')
  t.match(await errorOf(provider.capture(attempt, request.money, 'c2')), { problem: 'refused' })
  const refund = { refundId: 'r1', money: EUR(850n) }
  await provider.refund(attempt, refund, 'r1')
  await provider.refund(attempt, refund, 'r1')
  t.match(
    await errorOf(provider.refund(attempt, refund, 'r1-again')),
    { problem: 'unclear' },
    'the same refund under a key that Mollie forgot is not paid twice',
  )
  t.match(await provider.look(attempt), {
    state: 'captured',
    captured: 1850n,
    refunds: [{ refundId: 'r1', amount: 850n, state: 'done' }],
  })
  t.match(await errorOf(provider.refund(attempt, { refundId: 'r2', money: EUR(1001n) }, 'r2')), {
    problem: 'refused',
    code: 'amount',
  })
})

t.test('captures and refunds that take days are pending until they are done', async (t) => {
  const { provider, sandbox } = await createMollieSandbox(t)
  sandbox.provider.settings = {
    ...sandbox.provider.settings,
    capturesWait: true,
    refundsWait: true,
  }
  const attempt = await begun(provider, beginRequest(100n), 'paid')
  await provider.capture(attempt, EUR(100n), 'c1')
  t.match(await provider.look(attempt), { state: 'authorised', captured: 0n })
  sandbox.provider.settleCapture(attempt.reference)
  t.match(await provider.look(attempt), { state: 'captured', captured: 100n })
  const { reference } = await provider.refund(
    attempt,
    { refundId: 'r1', money: EUR(40n) },
    'refund:r1',
  )
  t.match(await provider.look(attempt), { refunds: [{ state: 'pending', amount: 40n }] })
  sandbox.provider.settleRefund(reference, false)
  t.match(await provider.look(attempt), { refunds: [{ state: 'failed' }] })
})

t.test('a payment that ends on its page says why', async (t) => {
  const { provider } = await createMollieSandbox(t)
  const ends = { failed: 'cancelled', canceled: 'cancelled', expired: 'expired' }
  for (const [outcome, state] of Object.entries(ends)) {
    const attempt = await begun(provider, beginRequest(100n), outcome)
    t.match(await provider.look(attempt), { state, chargeReference: null }, outcome)
  }
  const failed = await begun(provider, beginRequest(100n), 'failed')
  t.equal((await provider.look(failed)).failureCode, 'insufficient_funds')
})

t.test('cancelling lets go of a hold, and never undoes a capture', async (t) => {
  const { provider, sandbox } = await createMollieSandbox(t)
  const open = await begun(provider, beginRequest(100n))
  await provider.cancel(open, 'x1')
  t.match(await provider.look(open), { state: 'open' }, 'Mollie closes no page of a card')
  sandbox.provider.settings = { ...sandbox.provider.settings, isCancelable: true }
  const other = await begun(provider, beginRequest(100n))
  await provider.cancel(other, 'x2')
  t.match(await provider.look(other), { state: 'cancelled' })
  await provider.cancel(other, 'x2')
  const held = await begun(provider, beginRequest(100n), 'paid')
  await provider.cancel(held, 'x3')
  t.match(await provider.look(held), { state: 'cancelled', captured: 0n })
  const taken = await begun(provider, beginRequest(100n), 'paid')
  await provider.capture(taken, EUR(100n), 'c1')
  t.match(await errorOf(provider.cancel(taken, 'x4')), { problem: 'refused' })
})

t.test('a chargeback is open until it is reversed, or three months old', async (t) => {
  const { provider, sandbox } = await createMollieSandbox(t)
  const attempt = await begun(provider, beginRequest(100n), 'paid')
  await provider.capture(attempt, EUR(100n), 'c1')
  const chargeback = sandbox.provider.chargeBack(attempt.reference)
  t.match(await provider.look(attempt), { disputes: [{ amount: 100n, state: 'open' }] })
  const createdAt = new Date(Date.now() - 91 * 86_400_000).toISOString()
  sandbox.store.put('chargebacks', chargeback.id, { ...chargeback, createdAt })
  t.match(await provider.look(attempt), { disputes: [{ state: 'lost' }] })
  sandbox.provider.reverse(chargeback.id)
  t.match(await provider.look(attempt), { disputes: [{ state: 'won' }] })
})

t.test('what may have been done is unclear, what was not done is refused', async (t) => {
  const { sandbox, provider } = await createMollieSandbox(t)
  const impatient = mollieOf(sandbox.url, { timeoutMs: 300 })
  const request = beginRequest(100n)
  for (const kind of ['error', 'drop', 'lose_answer', 'hang', 'rate_limited']) {
    sandbox.store.put('settings', 'faults', [{ kind }])
    const asked = kind === 'hang' ? impatient : provider
    t.match(await errorOf(asked.begin(request, 'f1')), { problem: 'unclear' }, kind)
  }
  sandbox.store.put('settings', 'faults', [{ kind: 'lose_answer', times: 2 }])
  await provider.begin(request, 'f1')
  t.equal(sandbox.store.all('payments').length, 1, 'lost answers, one page')
  sandbox.store.put('settings', 'faults', [])
  t.match(await errorOf(provider.look({ reference: 'tr_none', chargeReference: null })), {
    problem: 'refused',
    code: 'not_found',
  })
  t.match(await errorOf(provider.begin({ ...request, returnUrl: 'nowhere' }, 'f2')), {
    problem: 'refused',
    code: 'redirecturl',
  })
})

t.test(
  'an answer that is no answer is unclear, and one of another amount a mismatch',
  async (t) => {
    const bodies: string[] = []
    const server = createServer((_request, response) => response.end(bodies.shift() ?? '<html>'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const provider = mollieOf(`http://127.0.0.1:${port}`)
    t.match(await errorOf(provider.begin(beginRequest(1850n), 'm0')), { problem: 'unclear' })
    const answer = (value: string, currency: string) =>
      JSON.stringify({ id: 'tr_1', amount: { value, currency }, _links: {} })
    bodies.push(answer('1.85', 'EUR'), answer('18.50', 'USD'), answer('18.50', 'EUR'))
    t.match(await errorOf(provider.begin(beginRequest(1850n), 'm1')), { problem: 'mismatch' })
    t.match(await errorOf(provider.begin(beginRequest(1850n), 'm2')), { problem: 'mismatch' })
    t.match(await provider.begin(beginRequest(1850n), 'm3'), { next: { kind: 'none' } })
  },
)

t.test('every payment of a time is listed, from page to page', async (t) => {
  const { provider, sandbox } = await createMollieSandbox(t)
  const attempt = await begun(provider, beginRequest(1850n), 'paid')
  await provider.capture(attempt, EUR(1850n), 'c1')
  await provider.refund(attempt, { refundId: 'r1', money: EUR(850n) }, 'r1')
  const terms = {
    description: 'x',
    redirectUrl: 'http://a',
    amount: { currency: 'EUR', value: '1.00' },
  }
  for (let count = 0; count < 300; count += 1) sandbox.provider.create(terms)
  const before = sandbox.provider.create(terms)
  const createdAt = new Date(Date.now() - 3_600_000).toISOString()
  sandbox.store.put('payments', before.id, { ...before, createdAt })
  const listed = async (from: Date, to: Date) => {
    const all: ProviderCharge[] = []
    for await (const charge of provider.charges(from, to)) all.push(charge)
    return all
  }
  // The list is newest first, so one that is older ends it.
  t.equal((await listed(new Date(Date.now() - 60_000), new Date())).length, 0)
  const all = await listed(new Date(0), new Date(Date.now() + 60_000))
  t.equal(all.length, 302)
  t.match(all.at(-1), {
    chargeReference: attempt.reference,
    attemptId: String,
    captured: 1850n,
    refunded: 850n,
  })
})

t.test(
  'refunds that we did not ask for and chargebacks are listed by their own time',
  async (t) => {
    const { provider, sandbox } = await createMollieSandbox(t)
    const attempt = await begun(provider, beginRequest(1850n), 'paid')
    await provider.capture(attempt, EUR(1850n), 'c1')
    await provider.refund(attempt, { refundId: 'r1', money: EUR(850n) }, 'r1')
    const foreign = sandbox.provider.refund(attempt.reference, {
      amount: { currency: 'EUR', value: '1.00' },
      description: 'by hand',
    })
    const chargeback = sandbox.provider.chargeBack(attempt.reference)
    const moves: ProviderMove[] = []
    const [from, to] = [new Date(Date.now() - HOUR_MS), new Date(Date.now() + HOUR_MS)]
    for await (const move of provider.moves(from, to)) moves.push(move)
    const about = { chargeReference: attempt.reference, currencyCode: 'EUR' }
    t.same(moves, [
      { kind: 'foreign_refund', reference: foreign.id, amount: 100n, ...about },
      { kind: 'dispute', reference: chargeback.id, amount: 900n, ...about },
    ])
    t.equal((await provider.look(attempt)).refunded, 950n)
  },
)

t.test('only a report to an address that Mollie was given is read', async (t) => {
  const { provider, sandbox } = await createMollieSandbox(t)
  const request = beginRequest(100n)
  const { reference } = await begun(provider, request)
  const { webhookUrl } = sandbox.provider.payment(reference)
  const given = Object.fromEntries(new URL(webhookUrl ?? '').searchParams)
  const read = (query: object, body = `id=${reference}`) =>
    provider.readWebhook(Buffer.from(body), {}, query as Record<string, unknown>)
  t.same(read(given), {
    eventId: reference,
    kind: 'payment.changed',
    subject: 'payment',
    references: [request.attemptId, reference],
  })
  t.match(read({}), { refused: 'no proof' })
  t.match(read({ ...given, attempt: beginRequest(1n).attemptId }), { refused: 'another proof' })
  t.match(read({ ...given, proof: `${given.proof}x` }), { refused: 'another proof' })
  t.match(read({ ...given, proof: ['a', 'b'] }), { refused: 'no proof' })
  for (const body of ['', 'id=', 'id=ord_1', 'id=tr_../1', '{"id":"tr_1"}']) {
    t.match(read(given, body), { refused: 'no payment' }, body)
  }
})
