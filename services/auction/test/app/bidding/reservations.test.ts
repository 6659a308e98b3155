import { randomUUID } from 'node:crypto'
import { bidBuyNow, bidClosed, bidReleased, bidWon } from '@auction/common/contracts/bid.ts'
import t from 'tap'
import { consume, event, permutations } from '#test/bid-history.ts'
import {
  build,
  call,
  createDraft,
  createPublished,
  type Fixture,
  inMinutes,
  listingBody,
  writtenEvents,
} from '#test/helper.ts'

const BUYABLE = { buyoutPrice: '500', buyoutReservationMinutes: 10 }

const show = async (fixture: Fixture, id: string) =>
  (await call(fixture, 'GET', `/api/v1/items/${id}`)).body

const keys = async ({ database }: Fixture, id: string) =>
  (await writtenEvents(database, id)).map(({ key }) => key).slice(3)

function purchase(itemId: string, sequence: number, buyerId = randomUUID()) {
  const about = { itemId, purchaseId: randomUUID(), buyerId, sellerId: randomUUID() }
  const money = { amount: '500.00', currencyCode: 'USD' }
  const timestamp = new Date().toISOString()
  const bought = (mode: 'immediate' | 'reserved') =>
    event(
      bidBuyNow,
      itemId,
      {
        ...about,
        ...money,
        round: 1,
        mode,
        ...(mode === 'reserved' ? { reservedUntil: inMinutes(10) } : {}),
        timestamp,
        sequence,
      },
      sequence,
    )
  return {
    reserved: bought('reserved'),
    immediate: bought('immediate'),
    released: event(
      bidReleased,
      itemId,
      {
        ...about,
        reason: 'lapsed',
        currencyCode: 'USD',
        buyNowAvailable: true,
        endDate: inMinutes(24 * 60),
        timestamp,
        sequence: sequence + 1,
      },
      sequence + 1,
    ),
    closed: event(
      bidClosed,
      itemId,
      {
        itemId,
        round: 1,
        outcome: 'bought_now',
        currencyCode: 'USD',
        finalAmount: '500.00',
        winnerId: buyerId,
        bidCount: 0,
        reserveMet: true,
        endDate: inMinutes(24 * 60),
        closedAt: timestamp,
        sequence: sequence + 1,
      },
      sequence + 1,
    ),
    won: event(
      bidWon,
      itemId,
      {
        itemId,
        buyerId,
        finalAmount: '500.00',
        currencyCode: 'USD',
        round: 1,
        endReason: 'bought_now',
        sequence: sequence + 1,
      },
      sequence + 1,
    ),
  }
}

t.test('a listing says how long a purchase reserves it, and its lot knows it', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture, BUYABLE)
  t.match(await show(fixture, id), { buyoutPrice: '500.00', buyoutReservationMinutes: 10 })
  t.match(fixture.bid.lots.get(id), {
    terms: { buyoutMode: 'reserved', buyoutReservationMinutes: 10 },
  })
  const plain = await createPublished(fixture, { buyoutPrice: '500' })
  t.notOk('buyoutReservationMinutes' in (await show(fixture, plain)))
  t.notOk('buyoutMode' in (fixture.bid.lots.get(plain)?.terms ?? {}))
  const draft = await createDraft(fixture, BUYABLE)
  const { statusCode } = await call(fixture, 'PUT', `/api/v1/items/${draft}`, {
    as: fixture.seller,
    body: { buyoutReservationMinutes: null },
  })
  t.equal(statusCode, 200)
})

t.test('a reserved item is shown as such, and is active again when it was not paid', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture, BUYABLE)
  const { reserved, released } = purchase(id, 1)
  await consume(fixture.dependencies, [reserved, reserved])
  t.match(await show(fixture, id), { status: 'reserved', buyNowAvailable: false })
  await consume(fixture.dependencies, [released])
  await consume(fixture.dependencies, [released])
  t.match(await show(fixture, id), { status: 'active', buyNowAvailable: true })
  await consume(fixture.dependencies, [reserved])
  t.match(await show(fixture, id), { status: 'active' }, 'what comes late changes nothing')
  t.strictSame(await keys(fixture, id), ['item.reserved.v1', 'item.released.v1'])
})

t.test('in every order, a reservation that was paid ends as sold', async (t) => {
  const fixture = await build(t)
  for (const kind of ['reserved', 'immediate'] as const) {
    for (const order of permutations([0, 1, 2])) {
      const buyer = randomUUID()
      const id = await createPublished(fixture, BUYABLE)
      const events = purchase(id, 1, buyer)
      const history = [events[kind], events.closed, events.won]
      for (const index of order) {
        const next = history[index]
        if (next !== undefined) await consume(fixture.dependencies, [next])
      }
      t.match(await show(fixture, id), {
        status: 'sold',
        endPrice: '500.00',
        outcome: 'bought_now',
      })
    }
  }
})

t.test('an item is reserved by a purchase only where the operator offers it', async (t) => {
  const fixture = await build(t, { isReservingOffered: false })
  t.match(
    await call(fixture, 'POST', '/api/v1/items', {
      as: fixture.seller,
      body: listingBody(BUYABLE),
    }),
    {
      statusCode: 400,
      body: { details: { field: 'buyoutReservationMinutes', reason: 'not_offered' } },
    },
  )
})
