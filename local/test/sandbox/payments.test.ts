import { join } from 'node:path'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type Stripe from 'stripe'
import t, { type Test } from 'tap'
import { control, receiverOf, sandboxOf, sessionParams, submit } from './sandbox.ts'

async function refused(
  t: Test,
  work: Promise<unknown>,
  wanted: object,
  message = 'is refused',
): Promise<void> {
  const error: unknown = await work.then(
    () => undefined,
    (reason) => reason,
  )
  t.match(error, wanted, message)
}

t.test(
  'a payment is authorised on the page, captured once, refunded no more than that',
  async (t) => {
    const { stripe } = await sandboxOf(t)
    const session = await stripe.checkout.sessions.create(sessionParams('a'))
    t.match(session, { status: 'open', amount_total: 1850, currency: 'eur', payment_intent: null })
    const paid = await submit(String(session.url), { card: '4242 4242 4242 4242' })
    t.equal(paid.status, 303)
    t.equal(paid.headers.get('location'), 'http://localhost:9191/orders')
    const seen = await stripe.checkout.sessions.retrieve(session.id, {
      expand: ['payment_intent.latest_charge'],
    })
    t.match(seen, {
      status: 'complete',
      payment_intent: {
        status: 'requires_capture',
        amount_capturable: 1850,
        metadata: { attempt: 'a' },
        latest_charge: { captured: false, payment_method_details: { card: { last4: '4242' } } },
      },
    })
    const intent = (seen.payment_intent as Stripe.PaymentIntent).id
    await refused(
      t,
      stripe.paymentIntents.capture(intent, { amount_to_capture: 1851 }),
      { code: 'amount_too_large' },
      'more than was authorised is refused',
    )
    await refused(t, stripe.refunds.create({ payment_intent: intent }), {
      code: 'charge_not_captured',
    })
    t.match(await stripe.paymentIntents.capture(intent), {
      status: 'succeeded',
      amount_received: 1850,
    })
    await refused(t, stripe.paymentIntents.capture(intent), {
      code: 'payment_intent_unexpected_state',
    })
    await stripe.refunds.create({ payment_intent: intent, amount: 1000 })
    await refused(t, stripe.refunds.create({ payment_intent: intent, amount: 851 }), {
      code: 'amount_too_large',
    })
    await stripe.refunds.create({ payment_intent: intent, amount: 850 })
    await refused(t, stripe.refunds.create({ payment_intent: intent }), {
      code: 'charge_already_refunded',
    })
    const first = await stripe.refunds.list({ payment_intent: intent, limit: 1 })
    t.equal(first.has_more, true)
    const all = await stripe.refunds.list({ payment_intent: intent, limit: 1 }).autoPagingToArray({
      limit: 10,
    })
    t.same(
      all.map(({ amount }) => amount),
      [850, 1000],
      'lists come newest first, in pages',
    )
    const none = await stripe.refunds.list({ created: { lt: session.created - 1 } })
    t.same(none.data, [])
  },
)

t.test('cards decline, ask for 3-D Secure, and dispute later', async (t) => {
  const { sandbox, stripe } = await sandboxOf(t)
  const session = await stripe.checkout.sessions.create(sessionParams('b'))
  const url = String(session.url)
  const page = await (await fetch(url)).text()
  t.match(page, 'Lamp &#60;old&#62;')
  t.match(page, '18.50 EUR')
  const declined = await submit(url, { card: '4000000000000002' })
  t.equal(declined.status, 402)
  t.match(await declined.text(), 'role="alert"')
  t.match(await stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent'] }), {
    status: 'open',
    payment_intent: {
      status: 'requires_payment_method',
      last_payment_error: { code: 'card_declined', decline_code: 'generic_decline' },
    },
  })
  const asked = await submit(url, { card: '4000002500003155' })
  t.equal(asked.headers.get('location'), `/pay/${session.id}/challenge`)
  t.match(await (await fetch(`${url}/challenge`)).text(), '3-D Secure')
  t.equal((await submit(`${url}/challenge`, { answer: 'fail' })).status, 402)
  await submit(url, { card: '4000002500003155' })
  t.equal((await submit(`${url}/challenge`, { answer: 'pass' })).status, 303)
  t.match(await (await submit(url, { card: '4242424242424242' })).text(), 'You have paid')

  const second = await stripe.checkout.sessions.create(sessionParams('c'))
  await submit(String(second.url), { card: '4000000000000259' })
  const { payment_intent: intent } = await stripe.checkout.sessions.retrieve(second.id)
  await stripe.paymentIntents.capture(String(intent))
  await control(sandbox, 'settings', { clockAheadS: 11 })
  const { data } = await stripe.disputes.list({ payment_intent: String(intent) })
  t.match(data, [{ amount: 1850, status: 'needs_response' }])
  await refused(t, stripe.refunds.create({ payment_intent: String(intent) }), {
    code: 'charge_disputed',
  })
  await control(sandbox, `disputes/${data[0]?.id}`, { isWon: true })
  t.match(await stripe.disputes.retrieve(String(data[0]?.id)), { status: 'won' })
})

t.test('sessions and authorisations end by the clock of the sandbox', async (t) => {
  const { sandbox, stripe } = await sandboxOf(t)
  const now = Math.floor(Date.now() / 1_000)
  await refused(
    t,
    stripe.checkout.sessions.create({ ...sessionParams('d'), expires_at: now + 60 }),
    { param: 'expires_at' },
  )
  const open = await stripe.checkout.sessions.create(sessionParams('d'))
  const held = await stripe.checkout.sessions.create(sessionParams('e'))
  await submit(String(held.url), { card: '5555555555554444' })
  await control(sandbox, 'settings', { clockAheadS: 8 * 24 * 3_600 })
  t.match(await stripe.checkout.sessions.retrieve(open.id), { status: 'expired', url: null })
  t.match(await (await fetch(String(open.url))).text(), 'This payment is closed')
  t.match(await stripe.checkout.sessions.retrieve(held.id, { expand: ['payment_intent'] }), {
    payment_intent: { status: 'canceled', cancellation_reason: 'automatic' },
  })
  await refused(t, stripe.checkout.sessions.expire(open.id), { type: 'StripeInvalidRequestError' })
})

t.test('a request is done once for each key, also when its answer is lost', async (t) => {
  const { sandbox, stripe } = await sandboxOf(t)
  await control(sandbox, 'faults', {
    faults: [{ kind: 'lose_answer', on: '^POST /v1/checkout/sessions$', times: 1 }],
  })
  const session = await stripe.checkout.sessions.create(sessionParams('f'), {
    idempotencyKey: 'f1',
  })
  t.equal(session.lastResponse.headers['idempotent-replayed'], 'true')
  t.equal((await stripe.checkout.sessions.list()).data.length, 1)
  await refused(t, stripe.checkout.sessions.create(sessionParams('g'), { idempotencyKey: 'f1' }), {
    type: 'StripeIdempotencyError',
  })
  await control(sandbox, 'faults', { faults: [{ kind: 'error', times: 1 }] })
  await stripe.checkout.sessions.create(sessionParams('h'), { idempotencyKey: 'h1' })
  t.equal(
    (await stripe.checkout.sessions.list()).data.length,
    2,
    'an error of the server is retried',
  )
})

t.test(
  'what Stripe does not know is refused: parameters at any depth, values, amounts',
  async (t) => {
    const { sandbox, stripe } = await sandboxOf(t)
    const create = (params: Record<string, unknown>) =>
      stripe.checkout.sessions.create({
        ...sessionParams('i'),
        ...params,
      } as Stripe.Checkout.SessionCreateParams)
    await refused(t, create({ capture: 'later' }), { code: 'parameter_unknown', param: 'capture' })
    await refused(t, create({ payment_intent_data: { capture_methods: 'manual' } }), {
      code: 'parameter_unknown',
      param: 'payment_intent_data[capture_methods]',
    })
    await refused(t, create({ payment_intent_data: { capture_method: 'later' } }), {
      code: 'parameter_invalid',
    })
    await refused(t, stripe.refunds.create({ amount: 1.5, payment_intent: 'pi_1' }), {
      code: 'parameter_invalid',
    })
    await refused(t, stripe.accountLinks.create({} as Stripe.AccountLinkCreateParams), {
      code: 'parameter_missing',
    })
    await refused(t, stripe.paymentIntents.retrieve('pi_none'), {
      statusCode: 404,
      code: 'resource_missing',
    })
    const stranger = await fetch(`${sandbox.url}/v1/events`, {
      headers: { authorization: 'Bearer sk_test_other' },
    })
    t.equal(stranger.status, 401)
  },
)

t.test(
  'webhooks are signed, sent until they are taken, and doubled when that is switched on',
  async (t) => {
    const { received, state, webhook } = await receiverOf(t)
    const { sandbox, stripe } = await sandboxOf(t, { webhook })
    await control(sandbox, 'webhooks', { copies: 2, overtakes: true })
    const session = await stripe.checkout.sessions.create(sessionParams('j'))
    await submit(String(session.url), { card: '4242424242424242' })
    const types = () => received.map(({ type }) => type)
    await waitFor(
      'the webhook',
      () => types().filter((type) => type === 'checkout.session.completed').length === 2,
    )
    t.equal(new Set(received.map(({ id }) => id)).size, received.length / 2)
    await control(sandbox, 'webhooks', { copies: 1, overtakes: false })
    state.status = 500
    const { payment_intent: intent } = await stripe.checkout.sessions.retrieve(session.id)
    await stripe.paymentIntents.capture(String(intent))
    const succeeded = () => types().filter((type) => type === 'payment_intent.succeeded').length
    await waitFor('the webhook', () => succeeded() === 1)
    state.status = 200
    await waitFor('the webhook', () => succeeded() === 2)
    const { data } = await stripe.events.list({ type: 'payment_intent.succeeded' })
    t.equal(data.length, 1)
  },
)

t.test('what was done is there after a restart, at the same address', async (t) => {
  const file = join(t.testdir({}), 'sandbox.jsonl')
  const first = await sandboxOf(t, { file })
  const session = await first.stripe.checkout.sessions.create(sessionParams('k'), {
    idempotencyKey: 'k1',
  })
  await first.sandbox.close()
  const second = await sandboxOf(t, { file })
  t.equal(second.sandbox.url, first.sandbox.url)
  const again = await second.stripe.checkout.sessions.create(sessionParams('k'), {
    idempotencyKey: 'k1',
  })
  t.equal(again.id, session.id)
  t.equal((await submit(String(session.url), { card: '4242424242424242' })).status, 303)
})

t.test(
  'sellers have accounts; transfers take no more than a charge brought, and are reversed',
  async (t) => {
    const { sandbox, stripe } = await sandboxOf(t)
    const account = await stripe.accounts.create({ type: 'express', country: 'DE' })
    const intent = await stripe.paymentIntents.create({
      amount: 5000,
      currency: 'eur',
      confirm: true,
      payment_method: 'pm_card_visa',
    })
    const params: Stripe.TransferCreateParams = {
      amount: 4000,
      currency: 'eur',
      destination: account.id,
      source_transaction: String(intent.latest_charge),
    }
    await refused(t, stripe.transfers.create(params), {
      code: 'insufficient_capabilities_for_transfer',
    })
    const link = await stripe.accountLinks.create({
      account: account.id,
      type: 'account_onboarding',
      return_url: 'http://localhost:9191/payouts',
      refresh_url: 'http://localhost:9191/again',
    })
    t.match(await (await fetch(link.url)).text(), 'Where your money goes')
    const done = await submit(link.url, { answer: 'accept' })
    t.equal(done.headers.get('location'), 'http://localhost:9191/payouts')
    t.match(await stripe.accounts.retrieve(account.id), { payouts_enabled: true })
    const transfer = await stripe.transfers.create(params)
    await refused(t, stripe.transfers.create({ ...params, amount: 1001 }), {
      code: 'balance_insufficient',
    })
    await stripe.transfers.createReversal(transfer.id, { amount: 1500 })
    await refused(t, stripe.transfers.createReversal(transfer.id, { amount: 2501 }), {
      code: 'amount_too_large',
    })
    t.match(await stripe.transfers.retrieve(transfer.id), {
      amount_reversed: 1500,
      reversed: false,
    })
    await control(sandbox, `transfers/${transfer.id}`, {})
    const { data } = await stripe.transfers.listReversals(transfer.id, { limit: 1 })
    t.match(data, [{ amount: 2500, metadata: {} }], 'the rest came back by itself')
    await control(sandbox, 'settings', { emptyAccounts: true, clockAheadS: 301 })
    await refused(t, stripe.transfers.createReversal(transfer.id), { code: 'balance_insufficient' })
    const late = await fetch(link.url, { redirect: 'manual' })
    t.equal(late.headers.get('location'), 'http://localhost:9191/again', 'the link is over')
  },
)
