import { randomUUID } from 'node:crypto'
import { offerAccepted } from '@auction/common/contracts/bid.ts'
import { orderCancelled, orderReopened } from '@auction/common/contracts/order.ts'
import t from 'tap'
import { consume, event, history, permutations } from '#test/bid-history.ts'
import {
  build,
  call,
  createPublished,
  type Fixture,
  inMinutes,
  writtenEvents,
} from '#test/helper.ts'

const show = async (fixture: Fixture, id: string) =>
  (await call(fixture, 'GET', `/api/v1/items/${id}`, { as: fixture.seller })).body

function sale(itemId: string, sellerId: string) {
  const order = (
    buyerId: string,
    ofPurchase: { reservedUntil?: string } | undefined = undefined,
  ) => {
    const orderId = randomUUID()
    const parties = { orderId, itemId, buyerId, sellerId, round: 1, unit: 1 }
    const bought = ofPurchase && { purchaseId: randomUUID(), ...ofPurchase }
    return {
      cancelled: (sequence: number, reason = 'unpaid') => {
        const payload = { ...parties, ...bought, reason, strike: false, sequence }
        return event(orderCancelled, orderId, payload, sequence)
      },
      reopened: (sequence: number) =>
        event(orderReopened, orderId, { ...parties, dueAt: inMinutes(60), sequence }, sequence),
    }
  }
  const accepted = (userId: string, amount: string) => {
    const offerId = randomUUID()
    return event(
      offerAccepted,
      offerId,
      {
        offerId,
        itemId,
        bidId: randomUUID(),
        sellerId,
        userId,
        kind: 'second_chance',
        amount,
        currencyCode: 'USD',
        round: 1,
        unit: 1,
        expiresAt: inMinutes(60),
        timestamp: inMinutes(30),
        sequence: 2,
      },
      2,
    )
  }
  return { order, accepted }
}

async function sold(fixture: Fixture, buyerId: string): Promise<string> {
  const itemId = await createPublished(fixture)
  const steps = [{ price: '110.00' }]
  const endDate = inMinutes(24 * 60)
  const { events } = history({ itemId, endDate, steps, outcome: 'sold', buyerId })
  await consume(fixture.dependencies, events)
  return itemId
}

t.test('the events of what comes after a sale lead to the same, in any order', async (t) => {
  const fixture = await build(t)
  const { seller, dependencies } = fixture
  const [ann, ben] = [randomUUID(), randomUUID()]
  const orders = permutations([0, 1, 2])
  for (const places of orders) {
    const id = await sold(fixture, ann)
    const { order, accepted } = sale(id, seller.id)
    const events = [order(ann).cancelled(3), accepted(ben, '105.00'), order(ben).cancelled(4)]
    for (const place of places) {
      const one = events[place]
      if (one !== undefined) await consume(dependencies, [one, one])
    }
    t.match(await show(fixture, id), { status: 'expired', endReason: 'unpaid' }, places.join())
    t.notOk('buyerID' in (await show(fixture, id)))
  }
})

t.test('of a buyer who was taken back the first price is known, in any order', async (t) => {
  const fixture = await build(t)
  const { seller, dependencies } = fixture
  const [ann, ben] = [randomUUID(), randomUUID()]
  for (const places of permutations([0, 1, 2, 3])) {
    const id = await sold(fixture, ann)
    const { order, accepted } = sale(id, seller.id)
    const first = order(ann)
    const events = [
      first.cancelled(3),
      accepted(ben, '105.00'),
      order(ben).cancelled(4),
      first.reopened(5),
    ]
    for (const place of places) {
      const one = events[place]
      if (one !== undefined) await consume(dependencies, [one])
    }
    const expected = { status: 'sold', endPrice: '110.00', buyerID: ann }
    t.match(await show(fixture, id), expected, places.join())
  }
})

t.test('a restored item is sold or not by what became of its order meanwhile', async (t) => {
  const fixture = await build(t)
  const { seller, dependencies, database } = fixture
  const ann = randomUUID()
  const id = await sold(fixture, ann)
  const moderate = (what: 'remove' | 'restore') =>
    call(fixture, 'POST', `/api/v1/moderation/items/${id}/${what}`, {
      as: fixture.identity.person(['moderator']),
      body: { reason: 'A mistake.' },
    })
  t.equal((await moderate('remove')).statusCode, 204)
  await consume(dependencies, [sale(id, seller.id).order(ann).cancelled(3)])
  t.match(await show(fixture, id), { status: 'removed' })
  t.equal((await moderate('restore')).statusCode, 204)
  t.match(await show(fixture, id), { status: 'expired', endReason: 'unpaid' })
  t.equal((await writtenEvents(database, id)).at(-1)?.key, 'item.unsold.v1')
})

t.test('a reservation that ended by agreement was no sale, before the end and after', async (t) => {
  const fixture = await build(t)
  const { seller, dependencies } = fixture
  const ann = randomUUID()
  const id = await createPublished(fixture)
  const reserved = sale(id, seller.id).order(ann, { reservedUntil: inMinutes(10) })
  await consume(dependencies, [reserved.cancelled(2, 'mutual')])
  t.match(await show(fixture, id), { status: 'active' })
  const steps = [{ price: '110.00' }]
  const endDate = inMinutes(24 * 60)
  const { events } = history({ itemId: id, endDate, steps, outcome: 'sold', buyerId: ann })
  await consume(dependencies, events)
  // The second is of an order service that does not say so yet.
  const former = sale(id, seller.id).order(ann, {})
  await consume(dependencies, [reserved.cancelled(2, 'mutual'), former.cancelled(7, 'mutual')])
  t.match(await show(fixture, id), { status: 'sold', buyerID: ann, endPrice: '110.00' })
  await consume(dependencies, [sale(id, seller.id).order(ann).cancelled(3)])
  t.match(await show(fixture, id), { status: 'expired', endReason: 'unpaid' }, 'the order was')
})

t.test('an item is sold again by an offer, and its seller sees to whom', async (t) => {
  const fixture = await build(t)
  const { seller, dependencies, database } = fixture
  const [ann, ben] = [randomUUID(), randomUUID()]
  const id = await sold(fixture, ann)
  const { order, accepted } = sale(id, seller.id)
  const first = order(ann)
  await consume(dependencies, [first.cancelled(3, 'buy_now_released')])
  t.match(await show(fixture, id), { status: 'sold' }, 'a reservation was no sale')
  await consume(dependencies, [first.cancelled(5)])
  t.match(await show(fixture, id), { status: 'expired', endReason: 'unpaid' })
  await consume(dependencies, [first.reopened(6)])
  t.match(await show(fixture, id), { status: 'sold', buyerID: ann, endPrice: '110.00' })
  await consume(dependencies, [first.cancelled(5)])
  t.match(await show(fixture, id), { status: 'sold' }, 'it came again, late')
  await consume(dependencies, [first.cancelled(8)])
  await consume(dependencies, [accepted(ben, '105.00')])
  t.match(await show(fixture, id), { status: 'sold', buyerID: ben, endPrice: '105.00' })
  const keys = (await writtenEvents(database, id)).map(({ key }) => key).slice(-5)
  t.strictSame(keys, [
    'item.sold.v1',
    'item.unsold.v1',
    'item.sold.v1',
    'item.unsold.v1',
    'item.sold.v1',
  ])
})

t.test('an item below its reserve is sold by an offer; what is not over yet waits', async (t) => {
  const fixture = await build(t)
  const { seller, dependencies } = fixture
  const ben = randomUUID()
  const id = await createPublished(fixture, { reservePrice: '200.00' })
  const accepted = sale(id, seller.id).accepted(ben, '110.00')
  await t.rejects(consume(dependencies, [accepted]), /not known as sold or over yet/)
  const steps = [{ price: '110.00' }]
  const endDate = inMinutes(24 * 60)
  const { events } = history({ itemId: id, endDate, steps, outcome: 'reserve_not_met' })
  await consume(dependencies, events)
  await consume(dependencies, [accepted])
  t.match(await show(fixture, id), { status: 'sold', buyerID: ben, outcome: 'reserve_not_met' })
})
