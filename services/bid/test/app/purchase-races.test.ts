import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { CLOSING_GRACE_MS } from '#src/app/close-lots.ts'
import { WAIT_MAX_MS } from '#src/app/decide-batch.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld, type Reply, type World } from '#test/helper.ts'

const TIMES = 200
/** So many lots are raced for at the same time. */
const AT_ONCE = 5
/** One statement alone may always be before a purchase. So the end comes up to so many later. */
const ROUND_TRIPS = 20

const HOUR_MS = 3_600_000
const BUYABLE = { buyoutPrice: '50.00', startDate: new Date(Date.now() - HOUR_MS).toISOString() }
const RESERVABLE = { ...BUYABLE, buyoutMode: 'reserved', buyoutReservationMinutes: 10 } as const

async function race(play: (index: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < TIMES; first += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => play(first + index)))
  }
}

/** A request may wait too long where it waits as in production. Nothing is recorded then, and it is sent again. */
async function decided(send: () => Promise<Reply>): Promise<Reply> {
  for (;;) {
    const reply = await send()
    if (reply.statusCode !== 503) return reply
  }
}

/** What is left must be whole: one result and one winner at most for each lot, and a ledger that replays. */
async function expectWhole(t: Test, world: World): Promise<void> {
  t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
  const { rows } = await world.pool.query(
    `select e->>'aggregateId' as id from outbox, json_array_elements(events) e
     where e->>'key' in ('bid.won.v1', 'bid.closed.v1')
     group by e->>'aggregateId', e->>'key' having count(*) > 1`,
  )
  t.strictSame(rows, [], 'no lot is closed or won twice')
}

t.test('of a purchase and a bid at once, each finds what the other has done', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  let bought = 0
  await race(async (index) => {
    const { itemId } = await world.putTerms(BUYABLE)
    const requests = [
      () => world.buy(itemId, randomUUID(), { app: world.app }),
      () => world.bid(itemId, randomUUID(), '20.00', { app: replica }),
    ]
    const started = (index % 2 === 0 ? requests : requests.toReversed()).map((send) => send())
    const answers = await Promise.all(started)
    const [purchase, bid] = index % 2 === 0 ? answers : answers.toReversed()
    if (purchase?.statusCode === 201) {
      bought += 1
      t.match(bid, { statusCode: 409, body: { code: 'bid.not_active' } })
      t.match(await world.lot(itemId), { outcome: 'bought_now', bidCount: 0 })
    } else {
      t.match(purchase, { statusCode: 409, body: { code: 'bid.buy_now_unavailable' } })
      t.equal(bid?.statusCode, 201)
      t.match(await world.lot(itemId), { phase: 'open', bidCount: 1, buyNowAvailable: false })
    }
  })
  t.ok(bought > 0 && bought < TIMES, `${bought} of ${TIMES} purchases were first`)
  await expectWhole(t, world)
})

for (const [mode, terms] of Object.entries({ immediate: BUYABLE, reserved: RESERVABLE })) {
  t.test(`of two purchases at once exactly one counts: ${mode}`, async (t) => {
    const world = await createWorld(t)
    const replica = await world.replica()
    const code = mode === 'reserved' ? 'item.reserved' : 'bid.not_active'
    await race(async () => {
      const { itemId } = await world.putTerms(terms)
      const answers = await Promise.all([
        world.buy(itemId, randomUUID()),
        world.buy(itemId, randomUUID(), { app: replica }),
      ])
      const codes = answers.map(({ statusCode, body }) => body.code ?? statusCode)
      t.strictSame(codes.sort(), [201, code])
    })
    await expectWhole(t, world)
  })
}

t.test('of a purchase and the close exactly one ends the lot', async (t) => {
  // The closer waits for no purchase that is older.
  const world = await createWorld(t, { waitMaxMs: WAIT_MAX_MS })
  const outcomes = new Map<string, number>()
  await race(async (index) => {
    const { itemId } = await world.putTerms(BUYABLE)
    // The end comes under the lock of the lot, in the moment of the purchase, and closers wait for it already.
    const requests = [
      () => decided(() => world.buy(itemId, randomUUID())),
      async () => {
        await roundTrips(world, Math.floor(index / 2) % ROUND_TRIPS)
        await end(world, itemId)
        await world.close()
      },
      () => world.close(),
    ]
    const isReversed = index % 2 === 1
    const started = (isReversed ? requests.toReversed() : requests).map((send) => send())
    const answers = await Promise.all<unknown>(started)
    const purchase = answers[isReversed ? 2 : 0] as Reply
    await world.close()
    const { outcome, phase } = await world.lot(itemId)
    t.equal(phase, 'closed')
    t.equal(outcome, purchase.statusCode === 201 ? 'bought_now' : 'no_bids')
    if (purchase.statusCode !== 201) t.equal(purchase.body.code, 'bid.ended')
    outcomes.set(String(outcome), (outcomes.get(String(outcome)) ?? 0) + 1)
  })
  t.equal(outcomes.size, 2, `each is first at times: ${JSON.stringify([...outcomes])}`)
  await expectWhole(t, world)
})

/** Waits as long as so many statements take: a purchase takes several, on a slow machine too. */
async function roundTrips(world: World, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) await world.pool.query('select 1')
}

/** Puts the end of a lot that is still open into the past. */
const end = (world: World, itemId: string) =>
  world.pool.query(
    `update lots set ends_at = n.t, original_ends_at = n.t, hard_ends_at = n.t
     from (select date_trunc('milliseconds', clock_timestamp()) - $2 * interval '1 ms' as t) n
     where item_id = $1 and phase = 'open'`,
    [itemId, CLOSING_GRACE_MS + 1],
  )

t.test('of the payment and the end of a reservation exactly one counts', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  let paid = 0
  await race(async (index) => {
    const { itemId } = await world.putTerms(RESERVABLE)
    const { purchaseId } = (await world.buy(itemId, randomUUID())).body
    const requests = [
      () => world.pay(itemId, purchaseId, replica),
      () => world.cancelOrder(itemId, purchaseId),
    ]
    const started = (index % 2 === 0 ? requests : requests.toReversed()).map((send) => send())
    await Promise.all(started)
    const { phase } = await world.lot(itemId)
    const payment = await world.pay(itemId, purchaseId)
    t.equal(payment.statusCode, phase === 'closed' ? 200 : 409)
    if (phase === 'closed') paid += 1
    else t.equal(phase, 'open')
  })
  t.ok(paid > 0 && paid < TIMES, `${paid} of ${TIMES} payments were first`)
  await expectWhole(t, world)
})
