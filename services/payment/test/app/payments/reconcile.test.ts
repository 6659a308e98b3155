import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { sql } from 'kysely'
import t from 'tap'
import { advanceDue, checkCaptured, createPaymentTimers } from '#src/app/payments/payment-timers.ts'
import { reconcile } from '#src/app/payments/reconcile.ts'
import { reconcileDue } from '#src/app/payments/reconcile-due.ts'
import { watchPayments } from '#src/app/payments/watch-payments.ts'
import type { PaymentProvider, ProviderCharge } from '#src/domain/provider.ts'
import { createWorld, type World } from '#test/helper.ts'
import { control, HOUR_MS } from '#test/infra/stripe/sandbox.ts'
import { captured, events, lookNow, read } from './buyer.ts'
import { freshly, refund } from './refunds.ts'

t.test('reconciliation names every difference of both sides, once', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const provider = world.advance.providers.get('stripe')
  if (provider === undefined) throw new Error('no provider')
  const run = () =>
    reconcile(world.db, provider, new Date(Date.now() - HOUR_MS), new Date(Date.now() + HOUR_MS))
  for (let count = 0; count < 4; count += 1) await captured(world, buyer)
  t.match(await run(), { charges: 4, payments: 4, differences: 0 })
  const { store } = world.sandbox.provider
  const [first, second, third, fourth] = store.all<{ id: string; latest_charge: string }>('intents')
  // Theirs: another amount, a refund by hand, a payment that is gone.
  store.put('intents', first?.id ?? '', { ...first, amount_received: 1849 })
  const charge = store.get<object>('charges', second?.latest_charge ?? '')
  store.put('charges', second?.latest_charge ?? '', { ...charge, amount_refunded: 10 })
  store.delete('intents', third?.id ?? '')
  const [sessions] = [store.all<{ id: string; payment_intent: string }>('sessions')]
  store.delete('sessions', sessions.find((one) => one.payment_intent === third?.id)?.id ?? '')
  // Ours: a row that a restored backup does not have.
  const lost = await world.db
    .selectFrom('payments')
    .select('id')
    .where('charge_reference', '=', fourth?.id ?? '')
    .executeTakeFirstOrThrow()
  await world.db
    .updateTable('payments')
    .set({ charge_reference: 'other', reference: 'other' })
    .where('id', '=', lost.id)
    .execute()
  store.put('intents', fourth?.id ?? '', { ...fourth, metadata: {} })
  await run()
  await run()
  const rows = await world.db
    .selectFrom('payment_differences')
    .select(['kind', 'reference'])
    .orderBy('kind')
    .orderBy('reference')
    .execute()
  t.same(
    rows.map(({ kind, reference }) => [kind, reference]).sort(),
    [
      ['captured_amount', first?.id],
      ['missing_charge', 'other'],
      ['missing_charge', third?.id],
      ['refunded_amount', second?.id],
      ['unknown_charge', fourth?.id],
    ].sort(),
  )
})

t.test('what the staff charges in other currencies does not stop a comparison', async (t) => {
  const world = await createWorld(t)
  await captured(world, world.person())
  const { store } = world.sandbox.provider
  const [ours] = store.all<{ id: string }>('intents')
  const put = (id: string, changes: object) =>
    store.put('intents', id, { ...ours, id, metadata: {}, latest_charge: null, ...changes })
  put('pi_link', { currency: 'isk', amount_received: 5000 })
  put('pi_open', { currency: 'huf', amount_received: 0 })
  const created = Math.floor(Date.now() / 1_000)
  const about = { metadata: {}, payment_intent: 'pi_link', currency: 'isk', created }
  store.put('refunds', 're_link', { ...about, id: 're_link', amount: 100, status: 'succeeded' })
  for (const _night of [1, 2]) {
    t.match(await compareNow(world, stripeOf(world)), { charges: 3, differences: 2 })
  }
  const rows = await world.db
    .selectFrom('payment_differences')
    .select(['kind', 'reference', 'theirs'])
    .orderBy('kind')
    .execute()
  t.same(rows, [
    { kind: 'foreign_refund', reference: 're_link', theirs: '100 minor units ISK' },
    { kind: 'unknown_charge', reference: 'pi_link', theirs: '5000 minor units ISK' },
  ])
})

function stripeOf({ advance }: World): PaymentProvider {
  const provider = advance.providers.get('stripe')
  if (provider === undefined) throw new Error('no provider')
  return provider
}

/** A provider of which some methods are others. */
const changed = (provider: PaymentProvider, changes: Partial<PaymentProvider>): PaymentProvider =>
  Object.assign(Object.create(provider), changes)

const compareNow = ({ db }: World, provider: PaymentProvider) =>
  reconcile(db, provider, new Date(Date.now() - HOUR_MS), new Date(Date.now() + HOUR_MS))

const differences = ({ db }: World) =>
  db.selectFrom('payment_differences').select(['kind', 'reference']).execute()

t.test('what goes on while books are compared is no difference', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const provider = stripeOf(world)
  const { order, payment } = await captured(world, buyer)
  const moderator = world.person({ roles: ['moderator'], auth_time: freshly() })
  const give = async (looks: number) => {
    await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '1.00' })
    for (let look = 0; look < looks; look += 1) await lookNow(world)
  }
  const old: ProviderCharge[] = []
  const [from, to] = [new Date(Date.now() - HOUR_MS), new Date(Date.now() + HOUR_MS)]
  for await (const charge of provider.charges(from, to)) old.push(charge)
  t.match(old, [{ captured: 1850n, refunded: 0n }])
  // Their list was read before a refund, our row after it.
  await give(3)
  const late = changed(provider, {
    async *charges() {
      yield* old
    },
  })
  t.match(await compareNow(world, late), { charges: 1, differences: 0 })
  // A refund is given between a look and the reading of our row.
  let isGiven = false
  const meanwhile = changed(provider, {
    async look(attempt) {
      const seen = await provider.look(attempt)
      if (!isGiven) await give(3)
      isGiven = true
      return seen
    },
  })
  t.match(await compareNow(world, meanwhile), { differences: 0 })
  // One that is decided and not sent yet.
  await give(0)
  t.match(await compareNow(world, provider), { differences: 0 })
  t.same(await differences(world), [])
})

t.test('a captured payment is checked each day, whatever was reported of it', async (t) => {
  const world = await createWorld(t)
  const { db } = world
  const buyer = world.person()
  const { payment } = await captured(world, buyer)
  const nextCheck = async () =>
    db
      .selectFrom('payments')
      .select([
        'due_at',
        sql<number>`extract(epoch from next_check_at - clock_timestamp())`.as('inS'),
      ])
      .executeTakeFirstOrThrow()
  const isInADay = async () => {
    const { inS } = await nextCheck()
    return inS !== null && inS > 22 * 3_600 && inS <= 25 * 3_600
  }
  t.equal((await nextCheck()).due_at, null, 'nothing else has it looked at')
  t.ok(await isInADay())
  t.equal(await checkCaptured(world.advance), 0)
  // In the dashboard of the provider: a refund by hand, and a chargeback. Both reports are lost.
  const { store } = world.sandbox.provider
  const [charge] = store.all<{ id: string }>('charges')
  await control(world.sandbox, `disputes/${charge?.id}`, { amount: 1850 })
  store.put('refunds', 're_hand', {
    id: 're_hand',
    amount: 50,
    currency: 'eur',
    status: 'succeeded',
    metadata: {},
    payment_intent: store.all<{ id: string }>('intents')[0]?.id,
    created: Math.floor(Date.now() / 1_000),
  })
  await sql`update payments set next_check_at = clock_timestamp()`.execute(db)
  t.equal(await checkCaptured(world.advance), 1)
  t.equal(await checkCaptured(world.advance), 0)
  await advanceDue(world.advance)
  t.match((await events(world)).at(-1), {
    event: 'payment.chargeback',
    payload: { paymentId: payment.id, phase: 'opened' },
  })
  t.same(await differences(world), [{ kind: 'foreign_refund', reference: 're_hand' }])
  t.ok(await isInADay())
  await sql`update payments set next_check_at = clock_timestamp(),
    captured_at = captured_at - interval '120 days'`.execute(db)
  t.equal(await checkCaptured(world.advance), 1)
  t.equal((await nextCheck()).inS, null, 'no bank takes money back any more')
})

t.test('books are compared once a night by one worker, also about old payments', async (t) => {
  const world = await createWorld(t)
  const { db, advance } = world
  const buyer = world.person()
  const { payment } = await captured(world, buyer)
  // Old in their books and in ours: only what happened to it is of this day.
  const { store } = world.sandbox.provider
  const [intent] = store.all<{ id: string }>('intents')
  store.put('intents', intent?.id ?? '', { ...intent, created: 1_000 })
  await sql`update payments set captured_at = captured_at - interval '60 days'`.execute(db)
  const registry = createRegistry('payment')
  watchPayments(db, registry, ['stripe'])
  const gauge = async (name: string) =>
    Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(await registry.metrics())?.[1])
  const row = () => db.selectFrom('reconciliations').selectAll().executeTakeFirstOrThrow()
  const before = Date.now()
  await Promise.all([reconcileDue(advance), reconcileDue(advance)])
  t.match(await row(), { provider: 'stripe', charges: 0n, differences: 0n })
  t.ok((await gauge('payment_reconciliation_age_seconds')) < 600)
  const { due_at } = await row()
  t.same([due_at.getUTCHours(), due_at.getUTCMinutes()], [2, 0])
  t.ok(due_at.getTime() > before && due_at.getTime() <= Date.now() + 24 * HOUR_MS)
  // Nothing is done before it is due, and two o'clock may be a moment away.
  await sql`update reconciliations set due_at = clock_timestamp() + interval '1 hour'`.execute(db)
  const [charge] = store.all<{ id: string }>('charges')
  await control(world.sandbox, `disputes/${charge?.id}`, {})
  // Lists of providers know seconds: one of this second is of the next comparison.
  const [dispute] = store.all<{ id: string; created: number }>('disputes')
  store.put('disputes', dispute?.id ?? '', { ...dispute, created: (dispute?.created ?? 0) - 10 })
  await reconcileDue(advance)
  t.equal((await db.selectFrom('payments').select('due_at').executeTakeFirst())?.due_at, null)
  await sql`update reconciliations set due_at = clock_timestamp(), ended_at = ended_at - interval '27 hours'`.execute(
    db,
  )
  t.ok((await gauge('payment_reconciliation_age_seconds')) > 26 * 3_600)
  const run = createPaymentTimers(advance).find(({ name }) => name === 'reconciliation')
  await run?.run()
  await advanceDue(advance)
  t.match((await events(world)).at(-1), {
    event: 'payment.chargeback',
    payload: { paymentId: payment.id },
  })
  t.match(await read(world, buyer, payment.id), { state: 'captured' })
})

t.test('a comparison that does not end is tried again, and counts as none', async (t) => {
  const world = await createWorld(t)
  const { db, advance } = world
  await captured(world, world.person())
  await control(world.sandbox, 'faults', { faults: [{ kind: 'error', on: '^GET ' }] })
  await t.rejects(reconcileDue(advance))
  const inS = sql<number>`extract(epoch from due_at - clock_timestamp())`.as('inS')
  const row = () =>
    db.selectFrom('reconciliations').select(['ended_at', inS]).executeTakeFirstOrThrow()
  const failed = await row()
  t.equal(failed.ended_at, null)
  t.ok(failed.inS > 0 && failed.inS <= 900)
  await control(world.sandbox, 'reset', {})
  await sql`update reconciliations set due_at = clock_timestamp()`.execute(db)
  // A worker that stops gives it to another one at once.
  await reconcileDue(advance, AbortSignal.abort())
  t.match(await row(), { ended_at: null })
  await reconcileDue(advance)
  t.type((await row()).ended_at, Date)
})
