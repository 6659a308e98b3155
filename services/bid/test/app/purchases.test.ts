import { randomUUID } from 'node:crypto'
import t from 'tap'
import { CLOSING_GRACE_MS } from '#src/app/close-lots.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld, lotTerms, type World } from '#test/helper.ts'

const HOUR_MS = 3_600_000
const BUYABLE = { buyoutPrice: '50.00', startDate: new Date(Date.now() - HOUR_MS).toISOString() }
const RESERVABLE = { ...BUYABLE, buyoutMode: 'reserved', buyoutReservationMinutes: 10 } as const

async function events(world: World, itemId: string) {
  const { rows } = await world.pool.query<{ key: string; payload: Record<string, unknown> }>(
    `select e->>'key' as key, e->'envelope'->'payload' as payload
     from outbox, json_array_elements(events) with ordinality as o(e, place)
     where e->>'aggregateId' = $1 order by seq, place`,
    [itemId],
  )
  return rows
}

const keys = async (world: World, itemId: string) =>
  (await events(world, itemId)).map(({ key }) => key)

const violations = async (world: World) =>
  (await verifyLots(world.db, createBidSettings())).violations

/** Puts the end of a lot into the past, beyond the grace of the closer. */
const end = (world: World, itemId: string) =>
  world.pool.query(
    `update lots set ends_at = n.t, original_ends_at = n.t, hard_ends_at = n.t
     from (select date_trunc('milliseconds', clock_timestamp()) - $2 * interval '1 ms' as t) n
     where item_id = $1`,
    [itemId, CLOSING_GRACE_MS + 1_000],
  )

t.test('a purchase ends the lot at once, and buyer and bidders are notified', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms({ ...BUYABLE, reservePrice: '30.00' })
  const [ann, ben] = [randomUUID(), randomUUID()]
  await world.bid(itemId, ann, '20.00')
  t.match(await world.lot(itemId), {
    buyNowAvailable: true,
    buyoutPrice: '50.00',
    buyoutMode: 'immediate',
  })
  const { endDate } = await world.lot(itemId)
  const bought = await world.buy(itemId, ben)
  t.match(bought, {
    statusCode: 201,
    body: { itemId, outcome: 'bought_now', finalAmount: '50.00', currencyCode: 'USD', sequence: 2 },
  })
  t.match(await world.lot(itemId), {
    phase: 'closed',
    outcome: 'bought_now',
    finalAmount: '50.00',
    buyNowAvailable: false,
    currentPrice: '20.00',
    bidCount: 1,
    endDate,
    sequence: 2,
  })
  const published = (await events(world, itemId)).slice(1)
  t.match(published, [
    {
      key: 'bid.buynow.v1',
      payload: { buyerId: ben, mode: 'immediate', amount: '50.00', round: 1, sequence: 2 },
    },
    { key: 'bid.closed.v1', payload: { outcome: 'bought_now', winnerId: ben, sequence: 2 } },
    {
      key: 'bid.won.v1',
      payload: { buyerId: ben, endReason: 'bought_now', purchaseId: bought.body.purchaseId },
    },
    { key: 'bid.lost.v1', payload: { userIds: [ann], finalAmount: '50.00' } },
  ])
  t.equal(published[2]?.payload.bidId, undefined, 'the bid of the leader did not win')
  t.match(await world.buy(itemId, ann), { statusCode: 409, body: { code: 'bid.not_active' } })
  t.match(await world.bid(itemId, ann, '40.00'), { body: { code: 'bid.not_active' } })
  t.strictSame(await violations(world), [])
})

t.test('the same key gets the same answer, for purchases and for refusals', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  const { itemId } = await world.putTerms(BUYABLE)
  const [ann, ben] = [randomUUID(), randomUUID()]
  const first = await world.buy(itemId, ann, { key: 'k-1' })
  const again = await world.buy(itemId, ann, { key: 'k-1', app: replica })
  t.equal(again.statusCode, 201)
  t.strictSame(again.body, first.body)
  t.equal(again.headers['idempotency-replayed'], 'true')
  t.match(await world.buy(itemId, ann, { key: 'k-1', body: { price: '50.00' } }), {
    statusCode: 422,
    body: { code: 'bid.idempotency_key_reused' },
  })
  t.strictSame(
    (await world.buy(itemId, ann)).body.code,
    'bid.not_active',
    'without a key it is new',
  )
  const refused = await world.buy(itemId, ben, { key: 'k-2' })
  t.match(refused, { statusCode: 409, body: { code: 'bid.not_active' } })
  const repeated = await world.buy(itemId, ben, { key: 'k-2', app: replica })
  t.equal(repeated.headers['idempotency-replayed'], 'true')
  t.equal((await keys(world, itemId)).filter((key) => key === 'bid.won.v1').length, 1)
})

t.test('a double click without a key is one purchase', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms(BUYABLE)
  const ann = randomUUID()
  const answers = await Promise.all([world.buy(itemId, ann), world.buy(itemId, ann)])
  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    [201, 201],
  )
  t.equal(answers[0]?.body.purchaseId, answers[1]?.body.purchaseId)
})

t.test('who may not bid may not buy, and the terms must be those that the buyer saw', async (t) => {
  const world = await createWorld(t)
  const terms = lotTerms(BUYABLE)
  const { itemId } = await world.putTerms(terms)
  const ann = randomUUID()
  t.match(await world.buy(itemId, terms.sellerId), { body: { code: 'bid.own_item' } })
  t.match(await world.buy(itemId, ann, { body: { termsVersion: 2 } }), {
    statusCode: 409,
    body: { code: 'bid.terms_changed', details: { termsVersion: 1 } },
  })
  t.match(await world.buy(itemId, ann, { body: { price: '49.00' } }), {
    statusCode: 409,
    body: { code: 'bid.terms_changed', details: { buyoutPrice: '50.00' } },
  })
  t.match(await world.buy(itemId, ann, { body: { price: '5e1' } }), {
    statusCode: 422,
    body: { code: 'bid.amount_invalid', details: { field: 'price' } },
  })
  t.match(await world.buy(randomUUID(), ann), { statusCode: 404 })
  await world.pool.query(
    `insert into bidder_standings (user_id, standing, sequence) values ($1, 'suspended', 1)`,
    [ann],
  )
  t.match(await world.buy(itemId, ann), {
    statusCode: 403,
    body: { code: 'bid.user_suspended' },
  })
  const plain = await world.putTerms()
  t.match(await world.buy(plain.itemId, randomUUID()), {
    statusCode: 409,
    body: { code: 'bid.buy_now_unavailable' },
  })
})

t.test('a reserved lot takes nothing, and is sold when it is paid in time', async (t) => {
  const world = await createWorld(t)
  const terms = lotTerms({ ...RESERVABLE, reservePrice: '30.00' })
  const { itemId } = await world.putTerms(terms)
  const [ann, ben, cid] = [randomUUID(), randomUUID(), randomUUID()]
  await world.bid(itemId, ann, '20.00')
  const before = await world.lot(itemId)
  t.match(before, { buyoutMode: 'reserved', buyoutReservationMinutes: 10 })
  const { body } = await world.buy(itemId, ben)
  t.match(body, { outcome: 'reserved' })
  const { reservedUntil } = body
  t.match(await world.lot(itemId), {
    phase: 'reserved',
    buyNowAvailable: false,
    buyoutPrice: '50.00',
    reservedUntil,
    currentPrice: '20.00',
    endDate: before.endDate,
    leaderAlias: 'bidder 1',
  })
  for (const reply of [await world.bid(itemId, cid, '25.00'), await world.buy(itemId, cid)]) {
    t.match(reply, { statusCode: 409, body: { code: 'item.reserved', details: { reservedUntil } } })
  }
  t.match(await world.putTerms({ ...terms, termsVersion: 2, reservePrice: '25.00' }), {
    body: { code: 'lot.not_active' },
  })
  t.equal(await world.release(), 0, 'its time has not come')
  t.match(await world.pay(itemId, randomUUID()), { body: { code: 'payment.late' } })
  t.match(await world.pay(itemId, body.purchaseId), {
    statusCode: 200,
    body: { outcome: 'bought_now' },
  })
  t.match(await world.pay(itemId, body.purchaseId), {
    statusCode: 200,
    body: { outcome: 'unchanged' },
  })
  t.match(await world.lot(itemId), { phase: 'closed', outcome: 'bought_now', finalAmount: '50.00' })
  t.strictSame((await keys(world, itemId)).slice(1), [
    'bid.buynow.v1',
    'bid.closed.v1',
    'bid.won.v1',
    'bid.lost.v1',
  ])
  t.strictSame(await violations(world), [])
})

t.test('a reservation that is not paid leaves the lot as it was, and its end too', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms({ ...RESERVABLE, reservePrice: '30.00' })
  const [ann, ben, cid] = [randomUUID(), randomUUID(), randomUUID()]
  await world.bid(itemId, ann, '20.00')
  const { sequence: _, serverTime: __, ...before } = await world.lot(itemId)
  const { body } = await world.buy(itemId, ben)
  await world.lapse(itemId)
  t.match(await world.lot(itemId), { ...before, sequence: 2 }, 'before any timer has run')
  t.match(await world.pay(itemId, body.purchaseId), {
    statusCode: 409,
    body: { code: 'payment.late' },
  })
  t.equal(await world.release(), 1)
  t.equal(await world.release(), 0)
  t.match(await world.lot(itemId), { ...before, sequence: 3 })
  t.match((await events(world, itemId)).at(-1), {
    key: 'bid.released.v1',
    payload: { reason: 'lapsed', buyerId: ben, minNextBid: '20.50', buyNowAvailable: true },
  })
  t.match(await world.pay(itemId, body.purchaseId), { body: { code: 'payment.late' } })
  t.match(await world.bid(itemId, cid, '25.00'), { statusCode: 201, body: { sequence: 4 } })
  t.strictSame(await violations(world), [])
})

t.test(
  'the first request after its last instant ends a reservation, whatever the timer does',
  async (t) => {
    const world = await createWorld(t)
    const ben = randomUUID()
    const ends = {
      bid: async (itemId: string) => world.bid(itemId, randomUUID(), '25.00'),
      buy: async (itemId: string) => world.buy(itemId, randomUUID()),
    }
    for (const [name, act] of Object.entries(ends)) {
      const { itemId } = await world.putTerms(RESERVABLE)
      await world.buy(itemId, ben)
      await world.lapse(itemId)
      t.match(await act(itemId), { statusCode: 201, body: { sequence: 3 } }, name)
      t.strictSame((await keys(world, itemId)).slice(0, 3), [
        'bid.buynow.v1',
        'bid.released.v1',
        name === 'bid' ? 'bid.placed.v1' : 'bid.buynow.v1',
      ])
      t.equal(await world.release(), 0)
    }
    const terms = lotTerms(RESERVABLE)
    await world.putTerms(terms)
    await world.buy(terms.itemId, ben)
    await world.lapse(terms.itemId)
    t.match(await world.putTerms({ ...terms, termsVersion: 2, buyoutPrice: '60.00' }), {
      statusCode: 200,
      body: { sequence: 3 },
    })
    t.match(await world.lot(terms.itemId), { buyoutPrice: '60.00', phase: 'open' })
    await world.bid(terms.itemId, randomUUID(), '25.00')
    t.strictSame(await violations(world), [])
  },
)

t.test(
  'a lot whose end passed while it was reserved is closed by the bids that it has',
  async (t) => {
    const world = await createWorld(t)
    const { itemId } = await world.putTerms({ ...RESERVABLE, reservePrice: '30.00' })
    const empty = await world.putTerms(RESERVABLE)
    for (const id of [itemId, empty.itemId]) {
      if (id === itemId) await world.bid(id, randomUUID(), '20.00')
      await world.buy(id, randomUUID())
      await end(world, id)
      t.equal(await world.close(), 0, 'a reserved lot is not closed')
      t.match(await world.bid(id, randomUUID(), '25.00'), { body: { code: 'bid.ended' } })
    }
    for (const id of [itemId, empty.itemId]) await lapseAfterEnd(world, id)
    t.equal(await world.release(), 2)
    t.equal(await world.close(), 2)
    t.match(await world.lot(itemId), { phase: 'closed', outcome: 'reserve_not_met' })
    t.match(await world.lot(empty.itemId), { phase: 'closed', outcome: 'no_bids' })
  },
)

/** The reservation ends a moment after the lot; how long it was is no matter here. */
const lapseAfterEnd = (world: World, itemId: string) =>
  world.pool.query(
    'update lots set reserved_until = ends_at + interval $$1 ms$$ where item_id = $1',
    [itemId],
  )

t.test(
  'an order that ended unpaid releases the lot that it stands for, and no other',
  async (t) => {
    const world = await createWorld(t)
    const { itemId } = await world.putTerms(RESERVABLE)
    const [ann, ben] = [randomUUID(), randomUUID()]
    const first = await world.buy(itemId, ann)
    t.equal(await world.cancelOrder(itemId, randomUUID()), false)
    t.match(await world.lot(itemId), { phase: 'reserved' })
    t.equal(await world.cancelOrder(itemId, first.body.purchaseId), true)
    t.match(await world.lot(itemId), { phase: 'open', buyNowAvailable: true })
    const second = await world.buy(itemId, ben)
    t.equal(await world.cancelOrder(itemId, first.body.purchaseId), false, 'its event comes again')
    t.match(await world.lot(itemId), { phase: 'reserved' })
    await world.pay(itemId, second.body.purchaseId)
    t.equal(await world.cancelOrder(itemId, second.body.purchaseId), false, 'a sold lot stays sold')
    t.strictSame(await violations(world), [])
  },
)

t.test('who lets reservations of a lot lapse may not reserve it again and again', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms(RESERVABLE)
  const ann = randomUUID()
  for (const round of [1, 2]) {
    t.equal((await world.buy(itemId, ann)).statusCode, 201, `reservation ${round}`)
    await world.lapse(itemId)
    if (round === 1) await world.release()
    // A second purchase within three seconds would be taken for a double click.
    await world.pool.query(`begin; set local session_replication_role = replica;
      update purchases set recorded_at = recorded_at - interval '10 minutes'; commit`)
  }
  t.match(await world.buy(itemId, ann), {
    statusCode: 409,
    body: { code: 'bid.reserved_too_often' },
  })
  t.equal((await world.buy(itemId, randomUUID())).statusCode, 201, 'another may')
})

t.test(
  'a reservation that no one of the buyer ended does not count against the buyer',
  async (t) => {
    const world = await createWorld(t)
    const { itemId } = await world.putTerms(RESERVABLE)
    const [ann, ben] = [randomUUID(), randomUUID()]
    const buyAndCancel = async (buyerId: string, reason: string) => {
      const { statusCode, body } = await world.buy(itemId, buyerId, { key: randomUUID() })
      t.equal(statusCode, 201)
      await world.cancelOrder(itemId, body.purchaseId, reason)
    }
    for (const reason of ['removed', 'suspended', 'seller']) await buyAndCancel(ann, reason)
    for (const reason of ['mutual', 'buy_now_released']) await buyAndCancel(ben, reason)
    t.match(await world.buy(itemId, ben), { body: { code: 'bid.reserved_too_often' } })
    t.equal((await world.buy(itemId, ann)).statusCode, 201)
    t.strictSame(await violations(world), [])
  },
)

t.test('a reservation that cannot be released holds up no other', async (t) => {
  const world = await createWorld(t)
  const reserved: { itemId: string; purchaseId: string }[] = []
  for (let count = 0; count < 3; count += 1) {
    const { itemId } = await world.putTerms(RESERVABLE)
    const { body } = await world.buy(itemId, randomUUID())
    await world.lapse(itemId)
    reserved.push({ itemId, purchaseId: String(body.purchaseId) })
  }
  const [broken, ...others] = reserved
  // As after a restore of one table: its end is written down already, so it cannot be written again.
  await world.pool.query(
    `insert into reservation_ends (purchase_id, item_id, reason, sequence, decided_at)
     values ($1, $2, 'lapsed', 9, clock_timestamp())`,
    [broken?.purchaseId, broken?.itemId],
  )
  t.equal(await world.release(), 2)
  for (const { purchaseId } of others) {
    const { rows } = await world.pool.query(
      'select 1 from reservation_ends where purchase_id = $1',
      [purchaseId],
    )
    t.equal(rows.length, 1)
  }
  t.equal(await world.release(), 0)
})

t.test('a moderator ends a reserved lot, its seller does not', async (t) => {
  const world = await createWorld(t)
  const terms = lotTerms(RESERVABLE)
  await world.putTerms(terms)
  await world.buy(terms.itemId, randomUUID())
  const cancel = async (bySeller: boolean) =>
    (
      await world.app.inject({
        method: 'PUT',
        url: `/internal/v1/lots/${terms.itemId}/cancellation`,
        headers: { authorization: `Bearer ${world.identity.serviceToken('bid')}` },
        payload: { ...terms, bySeller },
      })
    ).statusCode
  t.equal(await cancel(true), 409)
  t.equal(await cancel(false), 200)
  t.match(await world.lot(terms.itemId), { phase: 'cancelled' })
  t.strictSame(await violations(world), [])
})

t.test('purchases and the ends of reservations can be neither changed nor deleted', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms(RESERVABLE)
  const { body } = await world.buy(itemId, randomUUID())
  await world.pay(itemId, body.purchaseId)
  for (const table of ['purchases', 'reservation_ends']) {
    await t.rejects(world.pool.query(`update ${table} set sequence = 9`), /append-only/)
    await t.rejects(world.pool.query(`delete from ${table}`), /append-only/)
    await t.rejects(world.pool.query(`truncate ${table} cascade`), /append-only/)
  }
})
