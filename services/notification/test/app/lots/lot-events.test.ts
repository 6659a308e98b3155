import { randomUUID } from 'node:crypto'
import { bidPlaced } from '@auction/common/contracts/bid.ts'
import fc from 'fast-check'
import t from 'tap'
import { closed, event, extended, ids, inMinutes, permutations, placed } from '#test/events.ts'
import { createWorld, type World } from '#test/helper.ts'

async function stateOf({ database }: World, itemId: string) {
  const { rows } = await database.pool.query(
    `select sequence::int, leader_id, outcome, closed_at is not null as is_closed,
       end_sequence::int, ends_at from lots where item_id = $1`,
    [itemId],
  )
  return rows[0]
}

const [FIRST_END, LAST_END] = [inMinutes(10), inMinutes(30)]

/** Bids, an outage and the closing, in their order. */
const history = (itemId: string, ann: string, ben: string) => [
  placed(itemId, 1, ann, { endDate: FIRST_END }),
  placed(itemId, 2, ben, { endDate: FIRST_END }),
  extended(itemId, 3, LAST_END),
  placed(itemId, 4, ann, { endDate: LAST_END }),
  closed(itemId, 5, { winnerId: ann, endDate: LAST_END }),
]

t.test('a lot ends in the same state in every order of its events', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = ids()
  for (const length of [3, 4, 5]) {
    const inOrder = randomUUID()
    for (const one of history(inOrder, ann, ben).slice(0, length)) await world.consume([one])
    const expected = await stateOf(world, inOrder)
    for (const order of permutations(Array.from({ length }, (_, index) => index))) {
      const shuffled = randomUUID()
      const events = history(shuffled, ann, ben)
      for (const at of order) {
        // Each comes twice, as a broker may deliver it.
        await world.consume(events.slice(at, at + 1))
        await world.consume(events.slice(at, at + 1))
      }
      t.strictSame(await stateOf(world, shuffled), expected, order.join(' '))
    }
    t.match(expected, { is_closed: length === 5, ends_at: new Date(LAST_END) })
  }
})

t.test('random batches of two workers come to the same state', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = ids()
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(), { minLength: 10, maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 10, maxLength: 10 }),
      async (order, cuts) => {
        const lots = [randomUUID(), randomUUID()]
        const events = lots.flatMap((lot) => history(lot, ann, ben))
        const queue = [...events, ...events].sort(
          (left, right) => (order[events.indexOf(left)] ?? 0) - (order[events.indexOf(right)] ?? 0),
        )
        let turn = 0
        const work = async () => {
          while (queue.length > 0) {
            turn += 1
            await world.consume(queue.splice(0, cuts[turn % 10] ?? 1))
          }
        }
        await Promise.all([work(), work()])
        for (const lot of lots) {
          t.match(await stateOf(world, lot), {
            sequence: 5,
            leader_id: ann,
            outcome: 'sold',
            is_closed: true,
            end_sequence: 5,
          })
        }
      },
    ),
    { numRuns: 30 },
  )
})

t.test('an extension says nothing of the leader, so a bid before it still counts', async (t) => {
  const world = await createWorld(t)
  const [lot, ann] = [randomUUID(), randomUUID()]
  const end = inMinutes(30)
  await world.consume([extended(lot, 3, end)])
  await world.consume([placed(lot, 2, ann, { endDate: inMinutes(10) })])
  t.match(await stateOf(world, lot), { sequence: 2, leader_id: ann, ends_at: new Date(end) })
})

t.test('a bid of a new round opens the lot again', async (t) => {
  const world = await createWorld(t)
  const [lot, ann] = [randomUUID(), randomUUID()]
  await world.consume([closed(lot, 2, { outcome: 'reserve_not_met' })])
  await world.consume([placed(lot, 4, ann)])
  t.match(await stateOf(world, lot), { leader_id: ann, is_closed: false, outcome: null })
})

t.test('a bid without a sequence, as the original sends it, changes nothing', async (t) => {
  const world = await createWorld(t)
  const itemId = randomUUID()
  await world.consume([event(bidPlaced, itemId, { itemId, amount: '5' })])
  t.equal(await stateOf(world, itemId), undefined)
})
