import { randomUUID } from 'node:crypto'
import { itemRemoved, itemRestored } from '@auction/common/contracts/auction.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { internalPaths } from '@auction/common/contracts/terms.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { consume } from '@auction/common/testing/consume.ts'
import t from 'tap'
import { onItemRemoved, onItemRestored } from '#src/app/consumers/item-hidden.ts'
import { putStandings } from '#src/infra/postgres/bidder-standings.ts'
import { lotTerms, serviceHeaders } from '#test/helper.ts'
import { createOfferWorld } from '#test/offer-world.ts'

const keysOf = (published: readonly { key: string }[]) => published.map(({ key }) => key)
const people = () => [randomUUID(), randomUUID(), randomUUID(), randomUUID()] as const

t.test('below the reserve the leader is offered the lot at the own bid, and buys it', async (t) => {
  const world = await createOfferWorld(t)
  const [ann, ben] = people()
  const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [
    [ann, '30.00'],
    [ben, '60.00'],
  ])
  const list = await world.ask('GET', `/api/v1/lots/${itemId}/offers`, sellerId)
  t.match(list.body, {
    offers: [],
    kinds: [
      {
        kind: 'second_chance',
        candidates: [
          { bidder: 'bidder 2', bidderNumber: 2, amount: '60.00' },
          { bidder: 'bidder 1', bidderNumber: 1, amount: '30.00' },
        ],
      },
      { kind: 'below_reserve', candidates: [{ bidder: 'bidder 2', amount: '60.00' }] },
    ],
  })
  const made = await world.offer(itemId, sellerId, { body: { kind: 'below_reserve' } })
  t.match(made, {
    statusCode: 201,
    body: { itemId, amount: '60.00', currencyCode: 'USD', bidder: 'bidder 2', state: 'open' },
  })
  const { offerId } = made.body
  const mine = await world.ask('GET', '/api/v1/offers?open=true', ben)
  t.match(mine.body, { offers: [{ offerId, amount: '60.00', state: 'open' }] })
  t.notOk(JSON.stringify(mine.body).includes('bidder'), 'an alias is of no use to its bidder')
  t.strictSame((await world.ask('GET', '/api/v1/offers', ann)).body.offers, [])
  const one = `/api/v1/offers/${offerId}`
  t.match(await world.ask('GET', one, ben), {
    statusCode: 200,
    body: { offerId, itemId, amount: '60.00', state: 'open' },
  })
  for (const stranger of [ann, sellerId]) {
    t.match(await world.ask('GET', one, stranger), {
      statusCode: 404,
      body: { code: 'offer.not_found' },
    })
  }
  t.match(await world.answer(offerId, 'acceptance', ann), {
    statusCode: 404,
    body: { code: 'offer.not_found' },
  })
  t.match(await world.answer(offerId, 'acceptance', ben), {
    statusCode: 200,
    body: { state: 'accepted', amount: '60.00' },
  })
  const published = await world.published(itemId)
  t.strictSame(keysOf(published), ['offer.made.v1', 'offer.accepted.v1'])
  t.match(published[1]?.payload, { userId: ben, sellerId, amount: '60.00', round: 1, unit: 1 })
  t.match(await world.offer(itemId, sellerId), {
    statusCode: 409,
    body: { code: 'offer.order_not_cancelled' },
  })
})

t.test(
  'a lot that is sold is offered when its order was cancelled, at no hidden maximum',
  async (t) => {
    const world = await createOfferWorld(t)
    const [ann, ben, cem] = people()
    const { itemId, sellerId } = await world.closed({}, [
      [ann, '20.00'],
      [ben, '90.00'],
      [cem, '45.00'],
    ])
    const before = await world.ask('GET', `/api/v1/lots/${itemId}/offers`, sellerId)
    t.match(before.body, {
      kinds: [
        { kind: 'second_chance', refusal: 'offer.order_not_cancelled', candidates: [] },
        { kind: 'below_reserve', refusal: 'offer.not_allowed', candidates: [] },
      ],
    })
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.order_not_cancelled' } })
    await world.cancelled(itemId, ben, { reason: 'seller' })
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.order_not_cancelled' } })
    await world.cancelled(itemId, ben)
    const list = await world.ask('GET', `/api/v1/lots/${itemId}/offers`, sellerId)
    t.notOk(JSON.stringify(list.body).includes('90.00'), 'the maximum of the winner stays hidden')
    t.match(await world.offer(itemId, sellerId, { body: { bidderNumber: 2 } }), {
      statusCode: 409,
      body: { code: 'offer.not_eligible' },
    })
    t.match(await world.offer(itemId, sellerId, { body: { bidderNumber: 77 } }), {
      body: { code: 'offer.not_eligible' },
    })
    t.match(await world.offer(itemId, sellerId), {
      statusCode: 201,
      body: { amount: '45.00', bidder: 'bidder 3' },
    })
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.already_open' } })
    t.match(await world.offer(itemId, ann), {
      statusCode: 403,
      body: { code: 'offer.not_your_lot' },
    })
    t.match(await world.ask('GET', `/api/v1/lots/${itemId}/offers`, ann), { statusCode: 403 })
  },
)

t.test('the order of a reservation frees no lot that its buyer wins later', async (t) => {
  const world = await createOfferWorld(t)
  const [ann, ben] = people()
  const sellerId = randomUUID()
  const { itemId } = await world.putTerms({
    sellerId,
    buyoutPrice: '500.00',
    buyoutMode: 'reserved',
    buyoutReservationMinutes: 10,
  })
  const { purchaseId } = (await world.buy(itemId, ben)).body
  const reservation = { orderId: randomUUID(), reason: 'mutual', purchaseId: String(purchaseId) }
  await world.cancelled(itemId, ben, reservation)
  await world.bid(itemId, ann, '20.00')
  await world.bid(itemId, ben, '60.00')
  await world.endLot(itemId)
  t.match(await world.lot(itemId), { outcome: 'sold', finalAmount: '20.50' })
  const refusal = { statusCode: 409, body: { code: 'offer.order_not_cancelled' } }
  t.match(await world.offer(itemId, sellerId), refusal)
  // The event comes again, after the close.
  await world.cancelled(itemId, ben, { ...reservation, sequence: 9 })
  t.match(await world.offer(itemId, sellerId), refusal)
  t.match(await world.relist(itemId), { statusCode: 409 })
  await world.cancelled(itemId, ben)
  t.match(await world.offer(itemId, sellerId), { statusCode: 201, body: { amount: '20.00' } })
})

t.test(
  'a lot that was bought at once is offered when the order of that purchase ended',
  async (t) => {
    const world = await createOfferWorld(t)
    const [ann, ben] = people()
    const sellerId = randomUUID()
    const { itemId } = await world.putTerms({
      sellerId,
      reservePrice: '30.00',
      buyoutPrice: '500.00',
    })
    await world.bid(itemId, ann, '20.00')
    const purchaseId = String((await world.buy(itemId, ben)).body.purchaseId)
    await world.cancelled(itemId, ben, { purchaseId: randomUUID() })
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.order_not_cancelled' } })
    await world.cancelled(itemId, ben, { purchaseId })
    const { body } = await world.offer(itemId, sellerId)
    t.match(body, { amount: '20.00' })
    await world.answer(body.offerId, 'acceptance', ann)
    await world.cancelled(itemId, ann)
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.nobody_left' } })
  },
)

t.test('who has nothing to change waits for no lock of a lot, and holds none', async (t) => {
  const world = await createOfferWorld(t)
  const [ann, ben] = people()
  const sellerId = randomUUID()
  const { itemId } = await world.putTerms({ sellerId })
  const over = await world.closed({ reservePrice: '100.00' }, [[ann, '30.00']])
  const { offerId } = (await world.offer(over.itemId, over.sellerId)).body
  const release = [await world.hold(itemId), await world.hold(over.itemId)]
  const notYours = { statusCode: 403, body: { code: 'offer.not_your_lot' } }
  for (const each of [itemId, over.itemId]) {
    t.match(await world.ask('GET', `/api/v1/lots/${each}/offers`, ben), notYours)
    t.match(await world.offer(each, ben), notYours)
  }
  for (const act of ['acceptance', 'refusal', 'withdrawal']) {
    t.match(await world.answer(offerId, act, ben), { body: { code: 'offer.not_found' } })
  }
  t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.not_allowed' } })
  t.match(await world.ask('GET', `/api/v1/lots/${itemId}/offers`, sellerId), {
    statusCode: 200,
    body: {
      offers: [],
      kinds: [
        { kind: 'second_chance', refusal: 'offer.not_allowed', candidates: [] },
        { kind: 'below_reserve', refusal: 'offer.not_allowed', candidates: [] },
      ],
    },
  })
  for (const each of release) await each()
})

t.test('no offer follows another of a seller who may not trade any more', async (t) => {
  const world = await createOfferWorld(t)
  const [ann, ben, cem] = people()
  const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [
    [ann, '30.00'],
    [ben, '45.00'],
    [cem, '60.00'],
  ])
  const made = await world.offer(itemId, sellerId, { body: { cascadeFloor: '10.00' } })
  t.match(made.body, { amount: '60.00' })
  await world.db
    .transaction()
    .execute((tx) => putStandings(tx, [{ userId: sellerId, standing: 'suspended', sequence: 2 }]))
  await world.answer(made.body.offerId, 'refusal', cem)
  t.strictSame(keysOf(await world.published(itemId)), ['offer.made.v1', 'offer.declined.v1'])
  t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.not_allowed' } })
})

t.test('who is suspended, has left, is blocked or wants no offers is passed over', async (t) => {
  const world = await createOfferWorld(t)
  const bidders = Array.from({ length: 6 }, () => randomUUID())
  const [gone, suspended, blocked, unwilling, asked, winner] = bidders as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const bids = bidders.map((bidder, index) => [bidder, `${(index + 2) * 10}.00`] as const)
  const { itemId, sellerId } = await world.closed(
    {},
    bids.toReversed().toSorted((a, b) => Number(a[1]) - Number(b[1])),
  )
  await world.cancelled(itemId, winner)
  const put = (userId: string, standing: 'suspended' | 'deleted') =>
    world.db.transaction().execute((tx) => putStandings(tx, [{ userId, standing, sequence: 2 }]))
  await put(gone, 'deleted')
  await put(suspended, 'suspended')
  await world.ask('PUT', `/api/v1/offers/preferences`, unwilling, { body: { wantsOffers: false } })
  t.match(await world.ask('GET', '/api/v1/offers/preferences', unwilling), {
    body: { wantsOffers: false },
  })
  await world.app.inject({
    method: 'PUT',
    url: `/api/v1/blocks/${blocked}`,
    headers: { authorization: `Bearer ${world.identity.token(sellerId)}` },
  })
  const list = await world.ask('GET', `/api/v1/lots/${itemId}/offers`, sellerId)
  t.match(list.body, { kinds: [{ candidates: [{ amount: '60.00' }] }, {}] })
  const made = await world.offer(itemId, sellerId)
  t.match(made, { statusCode: 201, body: { amount: '60.00' } })
  await put(asked, 'suspended')
  t.match(await world.answer(made.body.offerId, 'acceptance', asked), {
    statusCode: 409,
    body: { code: 'offer.not_eligible' },
  })
  t.match(await world.answer(made.body.offerId, 'refusal', asked), { statusCode: 200 })
  t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.nobody_left' } })
  await world.ask('PUT', `/api/v1/offers/preferences`, unwilling, { body: { wantsOffers: true } })
  t.match(await world.offer(itemId, sellerId), { body: { amount: '50.00' } })
})

t.test(
  'who wants no offers any more can answer one that is open, and sells as before',
  async (t) => {
    const world = await createOfferWorld(t)
    const [ann] = people()
    const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [[ann, '30.00']])
    const optOut = (userId: string) =>
      world.ask('PUT', '/api/v1/offers/preferences', userId, { body: { wantsOffers: false } })
    await optOut(sellerId)
    const { offerId } = (await world.offer(itemId, sellerId)).body
    await optOut(ann)
    t.match(await world.answer(offerId, 'acceptance', ann), { statusCode: 200 })
    const empty = await world.closed({}, [])
    await optOut(empty.sellerId)
    t.match(await world.relist(empty.itemId, true), { body: { outcome: 'relisted' } })
  },
)

t.test('an offer ends by its instant, whether a timer has written that down or not', async (t) => {
  const world = await createOfferWorld(t)
  const [ann, ben] = people()
  const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [
    [ann, '30.00'],
    [ben, '60.00'],
  ])
  const { offerId } = (await world.offer(itemId, sellerId, { body: { days: 1 } })).body
  await world.pass(itemId, 24)
  t.match((await world.ask('GET', '/api/v1/offers', ben)).body, { offers: [{ state: 'expired' }] })
  t.match((await world.ask('GET', `/api/v1/offers/${offerId}`, ben)).body, { state: 'expired' })
  t.strictSame((await world.ask('GET', '/api/v1/offers?open=true', ben)).body.offers, [])
  t.match(await world.answer(offerId, 'acceptance', ben), {
    statusCode: 409,
    body: { code: 'offer.not_open' },
  })
  t.strictSame(keysOf(await world.published(itemId)), ['offer.made.v1', 'offer.expired.v1'])
  t.match(await world.offer(itemId, sellerId, { body: { days: 1 } }), { body: { amount: '30.00' } })
  await world.pass(itemId, 25)
  t.equal(await world.expire(), 1)
  t.equal(await world.expire(), 0)
  t.equal((await world.published(itemId)).filter(({ key }) => key === 'offer.expired.v1').length, 2)
})

t.test(
  '48 hours and 60 days after the close are outside, and an open lot is not offered',
  async (t) => {
    const world = await createOfferWorld(t)
    const [ann, ben] = people()
    const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [
      [ann, '30.00'],
      [ben, '60.00'],
    ])
    t.match(await world.offer(itemId, sellerId, { body: { days: 2 } }), {
      statusCode: 422,
      body: { code: 'offer.invalid_duration' },
    })
    await world.pass(itemId, 48)
    t.match(await world.offer(itemId, sellerId, { body: { kind: 'below_reserve' } }), {
      statusCode: 409,
      body: { code: 'offer.too_late' },
    })
    const list = await world.ask('GET', `/api/v1/lots/${itemId}/offers`, sellerId)
    t.match(list.body, { kinds: [{ refusal: undefined }, { refusal: 'offer.too_late' }] })
    await world.pass(itemId, 60 * 24 - 48)
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.too_late' } })
    const open = await world.putTerms({ sellerId })
    await world.bid(open.itemId, ann, '20.00')
    t.match(await world.offer(open.itemId, sellerId), {
      statusCode: 409,
      body: { code: 'offer.not_allowed' },
    })
    t.match(await world.offer(randomUUID(), sellerId), { statusCode: 404 })
  },
)

t.test(
  'a declined offer goes on to the next in line only where the seller chose that',
  async (t) => {
    const world = await createOfferWorld(t)
    const [ann, ben, cem, dan] = people()
    const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [
      [ann, '20.00'],
      [ben, '40.00'],
      [cem, '60.00'],
      [dan, '80.00'],
    ])
    const first = await world.offer(itemId, sellerId, { body: { cascadeFloor: '40.00', days: 1 } })
    t.match(first.body, { amount: '80.00', cascadeFloor: '40.00' })
    await world.answer(first.body.offerId, 'refusal', dan)
    await world.pass(itemId, 24)
    await world.expire()
    const third = (await world.ask('GET', '/api/v1/offers?open=true', ben)).body
    t.match(third, { offers: [{ amount: '40.00', state: 'open' }] })
    const [{ offerId } = { offerId: '' }] = third.offers as { offerId: string }[]
    t.match(await world.answer(offerId, 'refusal', ben), { body: { state: 'declined' } })
    t.strictSame(keysOf(await world.published(itemId)), [
      'offer.made.v1',
      'offer.declined.v1',
      'offer.made.v1',
      'offer.expired.v1',
      'offer.made.v1',
      'offer.declined.v1',
    ])
    const plain = await world.offer(itemId, sellerId)
    t.match(plain.body, { amount: '20.00' }, 'below the floor only by hand')
  },
)

t.test('a request that comes again with its key gets the same answer', async (t) => {
  const world = await createOfferWorld(t)
  const [ann, ben] = people()
  const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [
    [ann, '30.00'],
    [ben, '60.00'],
  ])
  const first = await world.offer(itemId, sellerId, { key: 'offer-1' })
  const again = await world.offer(itemId, sellerId, { key: 'offer-1' })
  t.equal(again.body.offerId, first.body.offerId)
  t.equal(again.headers['idempotency-replayed'], 'true')
  t.match(await world.offer(itemId, sellerId, { key: 'offer-1', body: { days: 5 } }), {
    statusCode: 422,
    body: { code: 'offer.idempotency_key_reused' },
  })
  t.match(await world.offer(itemId, sellerId, { key: 'not a key' }), { statusCode: 400 })
  const { offerId } = first.body
  t.match(await world.answer(offerId, 'withdrawal', ben), { statusCode: 404 })
  t.match(await world.answer(offerId, 'withdrawal', sellerId, { key: 'w' }), {
    statusCode: 200,
    body: { state: 'withdrawn' },
  })
  t.match(await world.answer(offerId, 'withdrawal', sellerId, { key: 'w' }), {
    statusCode: 200,
    headers: { 'idempotency-replayed': 'true' },
  })
  t.match(await world.answer(offerId, 'withdrawal', sellerId), { statusCode: 409 })
  t.match(await world.answer(offerId, 'acceptance', ben, { key: 'w' }), {
    statusCode: 409,
    body: { code: 'offer.not_open' },
  })
})

t.test(
  'a seller takes the buyer of a cancelled order back, unless the unit is offered',
  async (t) => {
    const world = await createOfferWorld(t)
    const [ann, ben] = people()
    const { itemId, sellerId } = await world.closed({}, [
      [ann, '30.00'],
      [ben, '60.00'],
    ])
    const orderId = await world.cancelled(itemId, ben)
    const { offerId } = (await world.offer(itemId, sellerId)).body
    t.match(await world.reopen(itemId, orderId, ben), {
      statusCode: 409,
      body: { code: 'lot.unit_taken' },
    })
    await world.answer(offerId, 'withdrawal', sellerId)
    t.match(await world.reopen(itemId, orderId, ben), { statusCode: 200 })
    t.match(await world.reopen(itemId, orderId, ben), { statusCode: 200 }, 'again the same')
    // The event of the cancellation comes late.
    await world.cancelled(itemId, ben, { orderId })
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.order_not_cancelled' } })
    t.match(await world.relist(itemId), { statusCode: 409, body: { code: 'item.not_relistable' } })
    await world.cancelled(itemId, ben, { orderId, sequence: 6 })
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.nobody_left' } })
  },
)

t.test('a seller who cancels alone passes over no one, and may begin a new round', async (t) => {
  const world = await createOfferWorld(t)
  const [ann, ben, cem] = people()
  const { itemId, sellerId } = await world.closed({}, [
    [ann, '30.00'],
    [ben, '60.00'],
  ])
  const unsold = { statusCode: 409, body: { code: 'item.not_relistable' } }
  t.match(await world.relist(itemId), unsold, 'its order stands')
  await world.cancelled(itemId, ben, { reason: 'seller' })
  t.match(await world.offer(itemId, sellerId), {
    statusCode: 409,
    body: { code: 'offer.order_not_cancelled' },
  })
  t.match(await world.relist(itemId, true), unsold, 'not by itself after a sale')
  t.match(await world.relist(itemId), { statusCode: 200, body: { outcome: 'relisted' } })
  // The same of one who bought by an offer.
  const other = await world.closed({}, [
    [ann, '30.00'],
    [cem, '40.00'],
    [ben, '60.00'],
  ])
  await world.cancelled(other.itemId, ben)
  const { offerId } = (await world.offer(other.itemId, other.sellerId)).body
  await world.answer(offerId, 'acceptance', cem)
  await world.cancelled(other.itemId, cem, { reason: 'seller' })
  t.match(await world.offer(other.itemId, other.sellerId), {
    body: { code: 'offer.order_not_cancelled' },
  })
  t.match(await world.relist(other.itemId), { statusCode: 200 })
  // An order that was removed with its item frees nothing.
  const hidden = await world.closed({}, [[ann, '30.00']])
  await world.cancelled(hidden.itemId, ann, { reason: 'removed' })
  t.match(await world.relist(hidden.itemId), unsold)
})

t.test(
  'a unit that was taken back for nothing is free again, under that number alone',
  async (t) => {
    const world = await createOfferWorld(t)
    const [ann, ben] = people()
    const { itemId, sellerId } = await world.closed({}, [
      [ann, '30.00'],
      [ben, '60.00'],
    ])
    const orderId = await world.cancelled(itemId, ben)
    const outdated = { statusCode: 409, body: { code: 'lot.take_back_outdated' } }
    t.match(await world.reopen(itemId, orderId, ben), { statusCode: 200 })
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.order_not_cancelled' } })
    t.match(await world.undo(itemId, orderId, ben, 3), outdated, 'it was asked for later')
    t.match(await world.undo(itemId, orderId, ben), { body: { outcome: 'undone' } })
    t.match(await world.undo(itemId, orderId, ben), { body: { outcome: 'unchanged' } })
    t.match(await world.reopen(itemId, orderId, ben), outdated, 'a call that comes late')
    // Before the call that it undoes.
    t.match(await world.undo(itemId, orderId, ben, 5), { body: { outcome: 'undone' } })
    t.match(await world.reopen(itemId, orderId, ben, 5), outdated)
    t.match(await world.reopen(itemId, orderId, ben, 6), { statusCode: 200 })
    t.match(await world.undo(itemId, orderId, ben, 5), outdated, 'the seller asked again')
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.order_not_cancelled' } })
    await world.cancelled(itemId, ben, { orderId, sequence: 7 })
    t.match(await world.undo(itemId, orderId, ben, 6), outdated)
    t.match(await world.reopen(itemId, orderId, ben, 6), outdated, 'it was cancelled again')
    t.match(await world.offer(itemId, sellerId), { statusCode: 201 })
    // No order that is not of the sale frees the unit.
    const sold = await world.closed({}, [
      [ann, '30.00'],
      [ben, '60.00'],
    ])
    const stray = await world.undo(sold.itemId, randomUUID(), ann)
    t.match(stray, { statusCode: 200, body: { outcome: 'unchanged' } })
    t.match(await world.offer(sold.itemId, sold.sellerId), {
      body: { code: 'offer.order_not_cancelled' },
    })
    t.match(await world.undo(randomUUID(), orderId, ben), { statusCode: 404 })
  },
)

t.test('an order that was reopened without asking has its unit again', async (t) => {
  const world = await createOfferWorld(t)
  const [ann, ben] = people()
  const { itemId, sellerId } = await world.closed({}, [
    [ann, '30.00'],
    [ben, '60.00'],
  ])
  const orderId = await world.cancelled(itemId, ben)
  const { offerId } = (await world.offer(itemId, sellerId)).body
  await world.reopened(itemId, orderId, ben, 4)
  t.match(await world.answer(offerId, 'acceptance', ann), { body: { code: 'offer.not_open' } })
  await world.answer(offerId, 'withdrawal', sellerId)
  t.match(await world.relist(itemId), { statusCode: 409, body: { code: 'item.not_relistable' } })
  await world.cancelled(itemId, ben, { orderId, sequence: 5 })
  // The event of the reopening comes late.
  await world.reopened(itemId, orderId, ben, 4)
  t.match(await world.relist(itemId), { statusCode: 200 })
  await world.reopened(randomUUID(), randomUUID(), ben, 2)
})

t.test(
  'a relist withdraws what is open, and nothing of the old round is sold any more',
  async (t) => {
    const world = await createOfferWorld(t)
    const [ann, ben] = people()
    const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [
      [ann, '30.00'],
      [ben, '60.00'],
    ])
    const { offerId } = (await world.offer(itemId, sellerId)).body
    t.match(await world.relist(itemId, true), { statusCode: 200, body: { outcome: 'later' } })
    const newItemId = randomUUID()
    t.match(await world.relist(itemId, false, newItemId), { body: { outcome: 'relisted' } })
    t.match(await world.relist(itemId, false, newItemId), { body: { outcome: 'relisted' } })
    t.match(await world.relist(itemId), { statusCode: 409, body: { code: 'item.not_relistable' } })
    t.match(await world.answer(offerId, 'acceptance', ben), { body: { code: 'offer.not_open' } })
    t.match(await world.offer(itemId, sellerId), { body: { code: 'offer.not_allowed' } })
    const published = await world.published(itemId)
    t.strictSame(keysOf(published), ['offer.made.v1', 'offer.withdrawn.v1'])
    t.equal(published[1]?.payload.reason, 'relisted')
  },
)

t.test(
  'by itself a lot is relisted without bids at once, below its reserve after 48 hours',
  async (t) => {
    const world = await createOfferWorld(t)
    const [ann] = people()
    const empty = await world.closed({}, [])
    t.match(await world.relist(empty.itemId, true), { body: { outcome: 'relisted' } })
    const unmet = await world.closed({ reservePrice: '100.00' }, [[ann, '30.00']])
    t.match(await world.relist(unmet.itemId, true), { body: { outcome: 'later' } })
    await world.pass(unmet.itemId, 48)
    t.match(await world.relist(unmet.itemId, true), { body: { outcome: 'relisted' } })
    const sold = await world.closed({}, [[ann, '30.00']])
    await world.cancelled(sold.itemId, ann)
    t.match(await world.relist(sold.itemId, true), { statusCode: 409 })
    t.match(await world.relist(sold.itemId), { statusCode: 200 }, 'by hand it is')
    const { itemId } = await world.putTerms()
    t.match(await world.relist(itemId), { statusCode: 409 })
  },
)

t.test(
  'an item that moderators hide is neither offered nor bought until it is shown',
  async (t) => {
    const world = await createOfferWorld(t)
    const [ann, ben] = people()
    const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [
      [ann, '30.00'],
      [ben, '60.00'],
    ])
    const { offerId } = (await world.offer(itemId, sellerId)).body
    const event = (contract: typeof itemRemoved, sequence: number) =>
      createEvent(
        contract,
        { aggregateId: itemId, sequence, trace: ownTrace('test') },
        { id: itemId, sellerId, reason: 'counterfeit' },
      )
    const consumers = [onItemRemoved(), onItemRestored()]
    await consume(world.db, [event(itemRemoved, 4)], consumers)
    t.match(await world.answer(offerId, 'acceptance', ben), { body: { code: 'offer.not_open' } })
    t.match(await world.relist(itemId), { statusCode: 409 })
    await consume(world.db, [event(itemRestored, 5)], consumers)
    // It comes again, late.
    await consume(world.db, [event(itemRemoved, 4)], consumers)
    t.match(await world.answer(offerId, 'acceptance', ben), { statusCode: 200 })
  },
)

t.test('a hidden lot is relisted by itself once it is shown, not by a request', async (t) => {
  const world = await createOfferWorld(t)
  const hide = async (itemId: string, contract: typeof itemRemoved, sequence: number) => {
    const { rows } = await world.pool.query('select seller_id from lots where item_id = $1', [
      itemId,
    ])
    const payload = { id: itemId, sellerId: rows[0].seller_id, reason: 'counterfeit' }
    const context = { aggregateId: itemId, sequence, trace: ownTrace('test') }
    await consume(
      world.db,
      [createEvent(contract, context, payload)],
      [onItemRemoved(), onItemRestored()],
    )
  }
  const { itemId } = await world.closed({}, [])
  await hide(itemId, itemRemoved, 4)
  t.match(await world.relist(itemId, true), { statusCode: 200, body: { outcome: 'later' } })
  t.match(await world.relist(itemId), { statusCode: 409, body: { code: 'item.not_relistable' } })
  await hide(itemId, itemRestored, 5)
  t.match(await world.relist(itemId, true), { statusCode: 200, body: { outcome: 'relisted' } })
  // What will never be possible is not asked for again, hidden or not.
  const [ann] = people()
  const sold = await world.closed({}, [[ann, '30.00']])
  await hide(sold.itemId, itemRemoved, 4)
  t.match(await world.relist(sold.itemId, true), { statusCode: 409 })
  const removed = lotTerms()
  await world.putTerms(removed)
  await world.app.inject({
    method: 'PUT',
    url: internalPaths.lotCancellation(removed.itemId),
    headers: serviceHeaders(world.identity),
    payload: removed,
  })
  await hide(removed.itemId, itemRemoved, 4)
  t.match(
    await world.relist(removed.itemId, true),
    { statusCode: 409 },
    'it ran when it was hidden',
  )
})

t.test('who relists a lot again learns which item it went on as', async (t) => {
  const world = await createOfferWorld(t)
  for (const isAutomatic of [false, true]) {
    const { itemId } = await world.closed({}, [])
    const newItemId = randomUUID()
    await world.relist(itemId, isAutomatic, newItemId)
    t.match(await world.relist(itemId, isAutomatic, randomUUID()), {
      statusCode: 409,
      body: { code: 'item.not_relistable', details: { newItemId } },
    })
  }
})

t.test('the record of offers keeps every end, in the database as well', async (t) => {
  const world = await createOfferWorld(t)
  const [ann] = people()
  const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [[ann, '30.00']])
  const { offerId } = (await world.offer(itemId, sellerId)).body
  await world.answer(offerId, 'refusal', ann)
  for (const statement of [
    `update offers set state = 'accepted' where id = '${offerId}'`,
    `update offers set amount = 1 where id = '${offerId}'`,
    `delete from offers where id = '${offerId}'`,
    'truncate offers',
  ]) {
    await t.rejects(world.pool.query(statement), { code: '23001' }, statement)
  }
})
