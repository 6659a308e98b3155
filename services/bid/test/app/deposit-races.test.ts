import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { heldEvent, newDeposit, publish, releasedEvent } from '#test/deposits.ts'
import { createWorld, type Reply, type World } from '#test/helper.ts'

const TIMES = 200
/** So many lots are raced for at the same time. */
const AT_ONCE = 5

async function race(play: (index: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < TIMES; first += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => play(first + index)))
  }
}

/** Begins both at once, the second one first for every other index, and once in four only after the other has ended. */
async function bothFirst(
  index: number,
  bid: () => Promise<Reply>,
  event: () => Promise<void>,
): Promise<Reply> {
  switch (index % 4) {
    case 0: {
      const reply = await bid()
      await event()
      return reply
    }
    case 1: {
      await event()
      return bid()
    }
    case 2: {
      const [reply] = await Promise.all([bid(), event()])
      return reply
    }
    default: {
      const [, reply] = await Promise.all([event(), bid()])
      return reply
    }
  }
}

async function expectWhole(t: Test, world: World): Promise<void> {
  t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
}

t.test('of a bid and a release at once either may be first, and what was bid stays', async (t) => {
  const world = await createWorld(t)
  let taken = 0
  await race(async (index) => {
    const { itemId } = await world.putTerms({ deposit: '50.00' })
    const ann = randomUUID()
    const deposit = newDeposit(itemId, ann)
    await publish(world, heldEvent(deposit))
    const reply = await bothFirst(
      index,
      () => world.bid(itemId, ann, '20.00'),
      () => publish(world, releasedEvent(deposit, 3, 'hold_lost')),
    )
    if (reply.statusCode === 201) taken += 1
    else t.match(reply, { statusCode: 403, body: { code: 'bid.deposit_required' } })
    t.match(await world.lot(itemId), { bidCount: reply.statusCode === 201 ? 1 : 0 })
    const later = await world.bid(itemId, ann, '40.00')
    t.match(later, { statusCode: 403, body: { code: 'bid.deposit_required' } })
  })
  t.ok(taken >= TIMES / 4 && taken <= (TIMES * 3) / 4, `${taken} of ${TIMES} bids were first`)
  await expectWhole(t, world)
})

t.test('of a bid and a hold at once either may be first', async (t) => {
  const world = await createWorld(t)
  let taken = 0
  await race(async (index) => {
    const { itemId } = await world.putTerms({ deposit: '50.00' })
    const ann = randomUUID()
    const reply = await bothFirst(
      index,
      () => world.bid(itemId, ann, '20.00'),
      () => publish(world, heldEvent(newDeposit(itemId, ann))),
    )
    if (reply.statusCode === 201) taken += 1
    else t.match(reply, { statusCode: 403, body: { code: 'bid.deposit_required' } })
    const later = await world.bid(itemId, ann, '40.00')
    t.equal(later.statusCode, 201)
  })
  t.ok(taken >= TIMES / 4 && taken <= (TIMES * 3) / 4, `${taken} of ${TIMES} holds were first`)
  await expectWhole(t, world)
})
