import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import {
  advanceDueDeposits,
  announceExpiring,
  releaseDueDeposits,
} from '#src/app/deposits/deposit-timers.ts'
import { createPace } from '#src/app/deposits/pace.ts'
import { settleDueLots } from '#src/app/deposits/settle-lots.ts'
import { sealEntries } from '#src/app/ledger/seal-entries.ts'
import { verifyMoney } from '#src/app/verify/verify-money.ts'
import { events } from '#test/app/payments/buyer.ts'
import { balances } from '#test/app/payments/refunds.ts'
import { putPaid } from '#test/app/payouts/payee.ts'
import { createWorld, log, type World } from '#test/helper.ts'
import { control, HOUR_MS, payOnPage } from '#test/infra/stripe/sandbox.ts'
import {
  ask,
  cancelledEvent,
  closedEvent,
  type DepositBody,
  givenBack,
  held,
  holdOf,
  lookNow,
  orderOf,
  paidEvent,
  publish,
  RELEASES_PER_SECOND,
  readOwn,
  taken,
  until,
} from './bidder.ts'
import { holdMany } from './many-held.ts'

const published = async (world: World) => (await events(world)).map(({ event }) => event)

const settle = ({ db, bids }: World) =>
  settleDueLots({ db, lots: bids.client, log, releasesPerSecond: RELEASES_PER_SECOND })

const checkLots = ({ db }: World) =>
  sql`update deposits set lot_check_at = clock_timestamp() where lot_check_at is not null`.execute(
    db,
  )

async function expectWhole(t: Test, world: World): Promise<void> {
  const found: string[] = []
  // As the worker does each second: an entry without a seal is a difference after a minute.
  await sealEntries(world.db)
  await verifyMoney(world.db, { report: (difference) => found.push(difference) })
  t.strictSame(found, [])
}

t.test('a deposit is held by the card, published once, and nothing is taken', async (t) => {
  const world = await createWorld(t)
  const bidder = world.person()
  const { itemId, sellerId } = world.bids.add()
  const answer = await ask(world, bidder, itemId)
  t.equal(answer.statusCode, 201)
  const deposit: DepositBody = answer.json()
  t.match(deposit, {
    state: 'requested',
    amount: '50.00',
    next: { kind: 'redirect', url: /^http/ },
  })
  t.strictSame(await published(world), [], 'no one need know of a page')
  await payOnPage(deposit.next.url ?? '')
  const now = await until(world, bidder, deposit.id, 'held')
  t.match(now, { next: { kind: 'none' }, isEnding: false })
  const weekMs = new Date(now.heldUntil ?? '').getTime() - Date.now()
  t.ok(weekMs > 6 * 24 * HOUR_MS && weekMs <= 7 * 24 * HOUR_MS, 'a card is bound for a week')
  await lookNow(world)
  t.match(await events(world), [
    {
      event: 'payment.deposit_held',
      payload: { depositId: deposit.id, itemId, bidderId: bidder.id, sellerId, amount: '50.00' },
    },
  ])
  t.equal((await events(world)).length, 1)
  t.same(holdOf(world, deposit.id), [{ status: 'requires_capture', taken: 0 }])
  const list = await world.app.inject({
    url: `/api/v1/deposits?itemId=${itemId}`,
    headers: bidder.headers,
  })
  t.match(list.json(), { deposits: [{ id: deposit.id, state: 'held' }] })
  const other = world.person()
  const foreign = await world.app.inject({
    url: `/api/v1/deposits/${deposit.id}`,
    headers: other.headers,
  })
  t.match([foreign.statusCode, foreign.json().code], [404, 'deposit.not_found'])
  await expectWhole(t, world)
})

t.test('what is asked twice is begun once, whatever the keys', async (t) => {
  const world = await createWorld(t)
  const bidder = world.person()
  const { itemId } = world.bids.add()
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(world, bidder, itemId)))
  t.same([...new Set(answers.map(({ statusCode }) => statusCode))], [201])
  t.equal(new Set(answers.map((one) => one.json().id)).size, 1)
  t.equal(world.sandbox.provider.store.all('sessions').length, 1)
  const same = await ask(world, bidder, itemId, 'k-1')
  const other = world.bids.add()
  t.match((await ask(world, bidder, other.itemId, 'k-1')).statusCode, 201)
  t.match((await ask(world, bidder, itemId, 'k-1')).json(), {
    code: 'payment.idempotency_key_reused',
  })
  t.equal(same.statusCode, 201)
  // Some were answered before the page was there.
  await payOnPage((await ask(world, bidder, itemId)).json().next.url)
  await until(world, bidder, answers[0]?.json().id, 'held')
  t.match((await ask(world, bidder, itemId)).json(), { state: 'held' }, 'it covers the lot')
})

t.test('what cannot be held is refused before anything is written', async (t) => {
  const world = await createWorld(t)
  const bidder = world.person()
  const refused = async (itemId: string, person = bidder) => {
    const { statusCode, body } = await ask(world, person, itemId)
    return [statusCode, JSON.parse(body).code]
  }
  t.same(await refused(randomUUID()), [404, 'deposit.not_found'])
  const { deposit: _, ...plain } = world.bids.add()
  const free = world.bids.add({ ...plain, itemId: randomUUID() })
  delete free.deposit
  t.same(await refused(free.itemId), [409, 'deposit.not_required'])
  t.same(await refused(world.bids.add({ sellerId: bidder.id }).itemId), [403, 'deposit.own_item'])
  for (const phase of ['closing', 'closed', 'cancelled'] as const) {
    t.same(await refused(world.bids.add({ phase }).itemId), [409, 'deposit.lot_over'])
  }
  t.same(
    await refused(world.bids.add({ currencyCode: 'ISK', deposit: '500' }).itemId).then(
      ([code]) => code,
    ),
    422,
  )
  world.bids.isDown = true
  t.same(await refused(world.bids.add().itemId), [503, 'service.unavailable'])
  const unkeyed = await world.app.inject({
    method: 'POST',
    url: '/api/v1/deposits',
    headers: bidder.headers,
    payload: { itemId: free.itemId },
  })
  t.match(unkeyed.json(), { code: 'payment.idempotency_key_missing' })
  t.strictSame(await world.db.selectFrom('deposits').select('id').execute(), [])
})

t.test('losers get it back when the lot closes, and the winner when he pays', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const [ann, ben, eve] = [world.person(), world.person(), world.person()]
  const ofAnn = await held(world, ann, lot.itemId)
  const ofBen = await held(world, ben, lot.itemId)
  const page: DepositBody = (await ask(world, eve, lot.itemId)).json()
  await publish(world, closedEvent(lot, ann.id))
  t.match(await until(world, ben, ofBen.id, 'released'), { code: 'deposit.lost' })
  t.match(await until(world, eve, page.id, 'released'), { code: 'deposit.lost' })
  t.equal((await readOwn(world, ann, ofAnn.id)).state, 'held')
  t.same(holdOf(world, ofBen.id), [{ status: 'canceled', taken: 0 }])
  await payOnPage(page.next.url ?? '')
  t.same(holdOf(world, page.id), [], 'the page is closed')
  await publish(world, paidEvent(orderOf(lot, ann.id)))
  t.match(await until(world, ann, ofAnn.id, 'released'), { code: 'deposit.paid' })
  const released = (await events(world)).filter(({ event }) => event === 'payment.deposit_released')
  t.same(
    released.map(({ payload }) => [payload.depositId, payload.reason]),
    [
      [ofBen.id, 'lost'],
      [ofAnn.id, 'paid'],
    ],
    'the page that was never paid on is no news',
  )
  await expectWhole(t, world)
})

t.test('of a winner who does not pay it is taken, and the seller gets a share', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const ann = world.person()
  const { id } = await held(world, ann, lot.itemId)
  await publish(world, closedEvent(lot, ann.id))
  const order = orderOf(lot, ann.id)
  await publish(world, cancelledEvent(order))
  t.match(await until(world, ann, id, 'captured'), { orderId: order.orderId })
  t.same(holdOf(world, id), [{ status: 'succeeded', taken: 5000 }])
  const { rows } = await sql<{ account: string; amount: string }>`
    select account, sum(amount)::text as amount from ledger_postings group by account order by account`.execute(
    world.db,
  )
  t.same(rows, [
    { account: 'clearing:stripe', amount: '5000' },
    { account: 'platform:deposits', amount: '-1000' },
    { account: `seller:payable:${lot.sellerId}`, amount: '-4000' },
  ])
  t.match((await events(world)).at(-1), {
    event: 'payment.deposit_captured',
    payload: { depositId: id, orderId: order.orderId, amount: '50.00', sellerAmount: '40.00' },
  })
  const candidates = await world.db.selectFrom('payout_candidates').select('seller_id').execute()
  t.same(candidates, [{ seller_id: lot.sellerId }], 'it is paid out next')
  await publish(world, paidEvent(orderOf(lot, ann.id)), cancelledEvent(order), closedEvent(lot))
  await lookNow(world)
  t.equal((await readOwn(world, ann, id)).state, 'captured', 'it is decided once')
  await expectWhole(t, world)
  await sql`alter table deposits disable trigger all`.execute(world.db)
  await sql`update deposits set amount = amount + 1`.execute(world.db)
  const found: string[] = []
  await verifyMoney(world.db, { report: (difference) => found.push(difference) })
  t.same(found, [`deposit ${id}: took 5001, posted 5000`])
})

t.test('an order that ends otherwise gives it back, and a reservation says nothing', async (t) => {
  const world = await createWorld(t)
  for (const reason of ['seller', 'mutual', 'suspended', 'removed']) {
    const lot = world.bids.add()
    const ann = world.person()
    const { id } = await held(world, ann, lot.itemId)
    await publish(world, closedEvent(lot, ann.id), cancelledEvent(orderOf(lot, ann.id), reason))
    t.match(await until(world, ann, id, 'released'), { code: 'deposit.order_cancelled' }, reason)
  }
  const lot = world.bids.add()
  const ann = world.person()
  const { id } = await held(world, ann, lot.itemId)
  const until_ = new Date().toISOString()
  await publish(
    world,
    cancelledEvent(orderOf(lot, ann.id), 'buy_now_released', { reservedUntil: until_ }),
  )
  await lookNow(world)
  t.match(await readOwn(world, ann, id), { state: 'held', isEnding: false })
})

t.test('a winner whose order no provider takes gets it back', async (t) => {
  const world = await createWorld(t)
  for (const [asked, state] of [
    // Stripe takes dinars in steps of ten fils, and no crowns of Iceland.
    [{ total: '18.505', currencyCode: 'KWD' }, 'released'],
    [{ total: '1000', currencyCode: 'ISK' }, 'released'],
    [{ total: '18.510', currencyCode: 'KWD' }, 'captured'],
    // Of an order service of before.
    [{}, 'captured'],
  ] as const) {
    const lot = world.bids.add()
    const ann = world.person()
    const { id } = await held(world, ann, lot.itemId)
    await publish(world, cancelledEvent(orderOf(lot, ann.id), 'unpaid', asked))
    t.match(await until(world, ann, id, state), { state }, JSON.stringify(asked))
  }
})

t.test('a lot that is withdrawn gives all of them back', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const ann = world.person()
  const { id } = await held(world, ann, lot.itemId)
  await publish(world, closedEvent(lot, undefined, true))
  t.match(await until(world, ann, id, 'released'), { code: 'deposit.cancelled' })
})

t.test('what no event said is found by asking bid', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const [ann, ben] = [world.person(), world.person()]
  const ofAnn = await held(world, ann, lot.itemId)
  const ofBen = await held(world, ben, lot.itemId)
  t.equal(await settle(world), 1, 'bid is asked as soon as something is held')
  t.equal(await settle(world), 0, 'and not again at once')
  lot.endDate = new Date(Date.now() - HOUR_MS).toISOString()
  lot.phase = 'closing'
  await checkLots(world)
  await settle(world)
  t.match(await readOwn(world, ben, ofBen.id), { isEnding: false })
  world.bids.isDown = true
  await checkLots(world)
  await settle(world)
  world.bids.isDown = false
  lot.phase = 'closed'
  lot.winnerId = ann.id
  await checkLots(world)
  await settle(world)
  t.match(await until(world, ben, ofBen.id, 'released'), { code: 'deposit.lost' })
  t.match(await readOwn(world, ann, ofAnn.id), { state: 'held', isEnding: false })
  await checkLots(world)
  t.equal(await settle(world), 0, 'bid has nothing more to say')
})

t.test('a hold that is made as the lot closes is let go of', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const ann = world.person()
  const deposit: DepositBody = (await ask(world, ann, lot.itemId)).json()
  // Closed, and its event was consumed before the row was there.
  lot.phase = 'closed'
  await payOnPage(deposit.next.url ?? '')
  await until(world, ann, deposit.id, 'held')
  await settle(world)
  t.match(await until(world, ann, deposit.id, 'released'), { code: 'deposit.lost' })
  t.same(holdOf(world, deposit.id), [{ status: 'canceled', taken: 0 }])
})

t.test('a hold that ends before its lot is announced once, and may be made again', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add({ endDate: new Date(Date.now() + 20 * 24 * HOUR_MS).toISOString() })
  const ann = world.person()
  const first = await held(world, ann, lot.itemId)
  t.equal(await announceExpiring(world.advance), 0, 'not a week ahead')
  await sql`update deposits set hold_ends_at = clock_timestamp() + interval '23 hours'`.execute(
    world.db,
  )
  t.equal(await announceExpiring(world.advance), 1)
  t.equal(await announceExpiring(world.advance), 0)
  t.match((await events(world)).at(-1), {
    event: 'payment.deposit_expiring',
    payload: { depositId: first.id, sequence: 3 },
  })
  const second = await held(world, ann, lot.itemId)
  t.not(second.id, first.id)
  t.match(await until(world, ann, first.id, 'released'), { code: 'deposit.replaced' })
  t.equal((await readOwn(world, ann, second.id)).state, 'held')
  const names = await published(world)
  t.ok(
    names.lastIndexOf('payment.deposit_held') < names.lastIndexOf('payment.deposit_released'),
    'the newer one is published first',
  )
})

t.test(
  'a hold that ends before the lot only by a hair, or after it, is not announced',
  async (t) => {
    const world = await createWorld(t)
    const lot = world.bids.add({ endDate: new Date(Date.now() + HOUR_MS).toISOString() })
    const ann = world.person()
    await held(world, ann, lot.itemId)
    await sql`update deposits set hold_ends_at = clock_timestamp() + interval '2 hours'`.execute(
      world.db,
    )
    t.equal(await announceExpiring(world.advance), 0)
  },
)

t.test('when the bank lets go, that is published, by time or before it', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const [ann, ben] = [world.person(), world.person()]
  const ofAnn = await held(world, ann, lot.itemId)
  const ofBen = await held(world, ben, lot.itemId)
  await sql`update deposits set hold_ends_at = clock_timestamp() where id = ${ofAnn.id}`.execute(
    world.db,
  )
  for (const intent of world.sandbox.provider.store.all<{ status: string }>('intents')) {
    intent.status = 'canceled'
  }
  t.match(await until(world, ann, ofAnn.id, 'expired'), { code: 'deposit.expired' })
  t.match(await until(world, ben, ofBen.id, 'released'), { code: 'deposit.hold_lost' })
  t.same(
    (await events(world)).slice(-2).map(({ payload }) => payload.reason),
    ['expired', 'hold_lost'],
  )
  const again = await held(world, ann, lot.itemId)
  t.equal(again.state, 'held')
})

t.test('terms that changed close the page for the old amount', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const ann = world.person()
  const first: DepositBody = (await ask(world, ann, lot.itemId)).json()
  lot.deposit = '60.00'
  t.match((await ask(world, ann, lot.itemId)).json(), { code: 'deposit.in_progress' })
  t.match(await until(world, ann, first.id, 'released'), { code: 'deposit.replaced' })
  t.match((await ask(world, ann, lot.itemId)).json(), { state: 'requested', amount: '60.00' })
})

t.test('a card that declines leaves the page open; a page that is left expires', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const ann = world.person()
  const deposit: DepositBody = (await ask(world, ann, lot.itemId)).json()
  await payOnPage(deposit.next.url ?? '', '4000000000000002')
  await lookNow(world)
  t.match(await readOwn(world, ann, deposit.id), { state: 'requested', code: /decline/ })
  for (const session of world.sandbox.provider.store.all<{ status: string }>('sessions')) {
    session.status = 'expired'
  }
  await until(world, ann, deposit.id, 'expired')
  t.strictSame(await published(world), [])
})

t.test('answers that are lost, late or doubled change nothing', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const ann = world.person()
  const { id } = await held(world, ann, lot.itemId)
  await publish(world, closedEvent(lot, ann.id), cancelledEvent(orderOf(lot, ann.id)))
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'lose_answer', on: '^POST /v1/payment_intents/[^/]+/capture$', times: 3 }],
  })
  await until(world, ann, id, 'captured')
  t.same(holdOf(world, id), [{ status: 'succeeded', taken: 5000 }])
  const entries = await world.db.selectFrom('ledger_entries').select('key').execute()
  t.same(entries, [{ key: `deposit:${id}` }])
})

t.test(
  'losers of a large lot keep neither those of another lot nor a new hold waiting',
  async (t) => {
    const world = await createWorld(t)
    const [large, small, open] = [world.bids.add(), world.bids.add(), world.bids.add()]
    await holdMany(world, large, 80)
    const few = await holdMany(world, small, 3)
    const ann = world.person()
    const { id, next }: DepositBody = (await ask(world, ann, open.itemId)).json()
    await payOnPage(next.url ?? '')
    await publish(world, closedEvent(large), closedEvent(small))
    // As if the small lot had closed a second after the large one, and nothing had been done since.
    await sql`
      update deposits set due_at = due_at - first + statement_timestamp() - interval '10 s'
        + (item_id = ${small.itemId})::int * interval '1 s'
      from (select item_id as lot, min(due_at) as first from deposits group by item_id) of_lot
      where item_id = lot and item_id in (${large.itemId}, ${small.itemId})`.execute(world.db)
    const releasedOf = async () => {
      const { rows } = await sql<{ id: string }>`
      select id from deposits where state = 'released' order by ended_at`.execute(world.db)
      return rows.map((row) => row.id)
    }
    await sql`update deposits set due_at = clock_timestamp() where id = ${id}`.execute(world.db)
    await advanceDueDeposits(world.advance)
    t.match(await readOwn(world, ann, id), { state: 'held' })
    t.same(await releasedOf(), [], 'a look at holds releases none')
    await releaseDueDeposits(world.advance, createPace(8))
    const released = await releasedOf()
    t.equal(released.length, 83)
    t.ok(few.every((one) => released.indexOf(one) < 40))
  },
)

t.test('a provider that says there are too many is asked for fewer at once', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const ids = await holdMany(world, lot, 16)
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'rate_limited', on: '^POST /v1/payment_intents/.*/cancel$', times: 10 }],
  })
  await publish(world, closedEvent(lot))
  await sql`update deposits set due_at = clock_timestamp() - interval '1 s'`.execute(world.db)
  const pace = createPace(8)
  await releaseDueDeposits(world.advance, pace)
  t.ok(pace.atOnce() < 8, `${pace.atOnce()} at once`)
  await waitFor('every deposit to be released', async () => {
    await sql`update deposits set due_at = clock_timestamp() where due_at is not null`.execute(
      world.db,
    )
    await releaseDueDeposits(world.advance, pace)
    const { rows } = await sql<{ left: number }>`
      select count(*)::int as left from deposits where state = 'held'`.execute(world.db)
    return rows[0]?.left === 0
  })
  t.ok(ids.every((id) => holdOf(world, id)[0]?.status === 'canceled'))
  const released = (await events(world)).filter(({ event }) => event === 'payment.deposit_released')
  t.equal(released.length, 16)
  for (let count = 0; count < 100; count += 1) pace.wentWell()
  t.equal(pace.atOnce(), 8, 'and for as many as before when it goes well')
})

t.test(
  'a deposit that was taken is given back when the order is paid after all, once',
  async (t) => {
    const world = await createWorld(t)
    const { id, ann, order, lot } = await taken(world)
    await publish(
      world,
      paidEvent(orderOf(lot, ann.id)),
      paidEvent({ ...order, buyerId: randomUUID() }),
    )
    await lookNow(world, id)
    t.match(
      await readOwn(world, ann, id),
      { state: 'captured', isEnding: false },
      'of another order',
    )
    await publish(world, paidEvent(order))
    t.match(await readOwn(world, ann, id), { state: 'captured', isEnding: true })
    t.match(await until(world, ann, id, 'returned'), { isEnding: false, orderId: order.orderId })
    await publish(world, { ...paidEvent(order) }, cancelledEvent(order))
    await lookNow(world, id)
    t.same(givenBack(world, id), [5_000])
    t.same(await balances(world), {}, 'seller, platform and provider are as before')
    t.same((await published(world)).slice(1), [
      'payment.deposit_captured',
      'payment.deposit_released',
    ])
    t.match((await events(world)).at(-1), { payload: { reason: 'paid', wasTaken: true } })
    await expectWhole(t, world)
  },
)

t.test(
  'a deposit that the seller was paid out of is given back too, and the seller owes it',
  async (t) => {
    const world = await createWorld(t)
    const { id, ann, order, lot } = await taken(world)
    await putPaid(world, lot.sellerId, 4_000n)
    await publish(world, paidEvent(order))
    await until(world, ann, id, 'returned')
    const { [`seller:payable:${lot.sellerId}`]: payable } = await balances(world)
    t.equal(payable, '4000')
    const reversals = await world.db.selectFrom('payout_reversals').select('amount').execute()
    t.same(reversals, [{ amount: 4_000n }], 'and is asked for it')
  },
)

t.test('a deposit that cannot be given back is left to an operator, and owed', async (t) => {
  const world = await createWorld(t)
  const { id, ann, order } = await taken(world)
  // A person gave it back at the provider meanwhile.
  const [intent] = world.sandbox.provider.store.all<{ id: string }>('intents')
  world.sandbox.provider.refund({ payment_intent: intent?.id ?? '', amount: '5000' })
  await publish(world, paidEvent(order))
  await lookNow(world, id)
  t.match(await readOwn(world, ann, id), { state: 'captured', code: 'deposit.return_failed' })
  t.same(givenBack(world, id), [])
  const differences = await world.db.selectFrom('payment_differences').select('kind').execute()
  t.same(differences, [{ kind: 'refunded_amount' }])
  t.match(await balances(world), { 'refund:due': '-5000' })
  await lookNow(world, id)
  await expectWhole(t, world)
})
