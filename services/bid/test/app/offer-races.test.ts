import { randomUUID } from 'node:crypto'
import type { App } from '@auction/common/http/server.ts'
import t, { type Test } from 'tap'
import { createOfferWorld, type OfferWorld } from '#test/offer-world.ts'

const TIMES = 200
/** So many lots are raced for at the same time. */
const AT_ONCE = 5
/** One side needs more statements than the other, on a slow machine too. So it gets a start of up to so many. */
const ROUND_TRIPS = 16

interface Lot {
  itemId: string
  sellerId: string
  leader: string
  offerId: unknown
}

/** Plays a race of two sides for a lot with an open offer; answers how often each was first. */
async function race(
  t: Test,
  world: OfferWorld,
  sides: (lot: Lot, replica: App) => readonly [() => Promise<boolean>, () => Promise<boolean>],
  finish: (lot: Lot, winner: 0 | 1) => Promise<void> = async () => undefined,
): Promise<void> {
  const replica = await world.replica()
  const first = [0, 0] as [number, number]
  const play = async (index: number) => {
    const leader = randomUUID()
    const { itemId, sellerId } = await world.closed({ reservePrice: '100.00' }, [[leader, '30.00']])
    const { offerId } = (await world.offer(itemId, sellerId)).body
    const lot = { itemId, sellerId, leader, offerId }
    const [left, right] = sides(lot, replica)
    const delayed = async (side: () => Promise<boolean>, isLate: boolean) => {
      if (isLate) await roundTrips(world, Math.floor(index / 2) % ROUND_TRIPS)
      return side()
    }
    const isLeftLate = index % 2 === 1
    const wins = await Promise.all([delayed(left, isLeftLate), delayed(right, !isLeftLate)])
    const winner = wins[0] ? 0 : 1
    t.equal(wins.filter(Boolean).length, 1, 'exactly one counts')
    first[winner] += 1
    await finish(lot, winner)
  }
  for (let from = 0; from < TIMES; from += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => play(from + index)))
  }
  t.equal(first[0] + first[1], TIMES)
  t.ok(first[0] > 0 && first[1] > 0, `each is first at times: ${first.join(' and ')}`)
}

async function roundTrips(world: OfferWorld, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) await world.pool.query('select 1')
}

/** Whether a request was granted; any refusal but the right one is a failure. */
async function granted(
  send: Promise<{ statusCode: number; body: { code?: string } }>,
  refusals: readonly string[],
): Promise<boolean> {
  const { statusCode, body } = await send
  if (statusCode < 300) return true
  if (!refusals.includes(body.code ?? '')) throw new Error(`${statusCode} ${body.code}`)
  return false
}

const accept = (world: OfferWorld, { offerId, leader }: Lot, app?: App) =>
  granted(world.answer(offerId, 'acceptance', leader, app === undefined ? {} : { app }), [
    'offer.not_open',
  ])

/** One end at most was published of each offer, and none of an offer that was not made. */
async function expectEndedOnce(
  t: Test,
  world: OfferWorld,
  itemId: string,
  ends: readonly string[],
) {
  const published = (await world.published(itemId)).map(({ key }) => key)
  t.strictSame(published, ['offer.made.v1', ...ends])
}

t.test('an offer that is accepted twice at once is accepted once', async (t) => {
  const world = await createOfferWorld(t)
  await race(
    t,
    world,
    (lot, replica) => [() => accept(world, lot), () => accept(world, lot, replica)],
    ({ itemId }) => expectEndedOnce(t, world, itemId, ['offer.accepted.v1']),
  )
})

t.test('of an acceptance and a withdrawal exactly one counts', async (t) => {
  const world = await createOfferWorld(t)
  await race(
    t,
    world,
    (lot, app) => [
      () => accept(world, lot),
      () =>
        granted(world.answer(lot.offerId, 'withdrawal', lot.sellerId, { app }), ['offer.not_open']),
    ],
    ({ itemId }, winner) =>
      expectEndedOnce(t, world, itemId, [
        winner === 0 ? 'offer.accepted.v1' : 'offer.withdrawn.v1',
      ]),
  )
})

t.test('of an acceptance and the end of an offer exactly one counts', async (t) => {
  const world = await createOfferWorld(t)
  await world.pool.query('alter table offers disable trigger offers_end_once')
  await race(
    t,
    world,
    (lot) => [
      () => accept(world, lot),
      async () => {
        const isOver = await letExpire(world, lot)
        await world.expire()
        return isOver
      },
    ],
    ({ itemId }, winner) =>
      expectEndedOnce(t, world, itemId, [winner === 0 ? 'offer.accepted.v1' : 'offer.expired.v1']),
  )
})

/** Puts the end of an offer that is still open into the past, under the lock of its lot; whether it was open. */
async function letExpire({ pool }: OfferWorld, { itemId, offerId }: Lot): Promise<boolean> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('select 1 from lots where item_id = $1 for update', [itemId])
    const { rowCount } = await client.query(
      `update offers set made_at = made_at - interval '8 days', expires_at = made_at
       where id = $1 and state = 'open'`,
      [offerId],
    )
    await client.query('commit')
    return rowCount === 1
  } finally {
    client.release()
  }
}

t.test('of an acceptance and a relist exactly one counts', async (t) => {
  const world = await createOfferWorld(t)
  await race(
    t,
    world,
    (lot, replica) => [
      () => accept(world, lot),
      () =>
        granted(world.relist(lot.itemId, false, randomUUID(), replica), ['item.not_relistable']),
    ],
    ({ itemId }, winner) =>
      expectEndedOnce(t, world, itemId, [
        winner === 0 ? 'offer.accepted.v1' : 'offer.withdrawn.v1',
      ]),
  )
})

t.test('of two relists at once exactly one counts', async (t) => {
  const world = await createOfferWorld(t)
  const relist = (lot: Lot, app?: App) =>
    granted(world.relist(lot.itemId, false, randomUUID(), app), ['item.not_relistable'])
  await race(t, world, (lot, replica) => [() => relist(lot), () => relist(lot, replica)])
})

t.test('whatever comes first, a unit that is taken back and given up is offered', async (t) => {
  const world = await createOfferWorld(t)
  const replica = await world.replica()
  const first = { takenBack: 0, outdated: 0 }
  const offered = { atOnce: 0, later: 0 }
  for (let from = 0; from < TIMES; from += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, each) => {
        const index = from + each
        const [winner, loser] = [randomUUID(), randomUUID()]
        const { itemId, sellerId } = await world.closed({}, [
          [loser, '30.00'],
          [winner, '60.00'],
        ])
        const orderId = await world.cancelled(itemId, winner)
        const late = () => roundTrips(world, Math.floor(index / 2) % ROUND_TRIPS)
        const [isBack, , isOffered] = await Promise.all([
          (async () => {
            if (index % 2 === 0) await late()
            const refusals = ['lot.take_back_outdated', 'lot.unit_taken']
            return granted(world.reopen(itemId, orderId, winner), refusals)
          })(),
          (async () => {
            if (index % 2 === 1) await late()
            return granted(world.undo(itemId, orderId, winner), [])
          })(),
          granted(world.offer(itemId, sellerId, { app: replica }), ['offer.order_not_cancelled']),
        ])
        first[isBack ? 'takenBack' : 'outdated'] += 1
        offered[isOffered ? 'atOnce' : 'later'] += 1
        // It is given up now, whatever came when.
        t.match(await world.undo(itemId, orderId, winner), { body: { outcome: 'unchanged' } })
        if (isOffered) return
        t.match(await world.offer(itemId, sellerId), { statusCode: 201 })
      }),
    )
  }
  t.ok(first.takenBack > 0 && first.outdated > 0, JSON.stringify(first))
  t.ok(offered.atOnce > 0, JSON.stringify(offered))
})

t.test('of an offer and the return of the former buyer exactly one counts', async (t) => {
  const world = await createOfferWorld(t)
  const replica = await world.replica()
  const first = [0, 0]
  for (let from = 0; from < TIMES; from += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, each) => {
        const index = from + each
        const [winner, loser] = [randomUUID(), randomUUID()]
        const { itemId, sellerId } = await world.closed({}, [
          [loser, '30.00'],
          [winner, '60.00'],
        ])
        const orderId = await world.cancelled(itemId, winner)
        const late = () => roundTrips(world, Math.floor(index / 2) % ROUND_TRIPS)
        const [isOffered, isBack] = await Promise.all([
          (async () => {
            if (index % 2 === 1) await late()
            const offer = world.offer(itemId, sellerId, { app: replica })
            return granted(offer, ['offer.order_not_cancelled'])
          })(),
          (async () => {
            if (index % 2 === 0) await late()
            return granted(world.reopen(itemId, orderId, winner), ['lot.unit_taken'])
          })(),
        ])
        t.not(isOffered, isBack, 'exactly one counts')
        first[isOffered ? 0 : 1] = (first[isOffered ? 0 : 1] ?? 0) + 1
      }),
    )
  }
  t.ok(
    first.every((times) => times > 0),
    `each is first at times: ${first.join(' and ')}`,
  )
})
