import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createBidderLimits } from '#src/app/bidder-limits.ts'
import { createWorld } from '#test/helper.ts'

// A token comes back in a quarter of an hour: these tests do not depend on how fast they run.
const SLOWLY = { perSecond: 0.001 }

t.test('a bidder who sends too many bids gets 429 and nothing of them is judged', async (t) => {
  const world = await createWorld(t, {
    limits: { bids: { ...SLOWLY, burst: 3 }, refusals: { ...SLOWLY, burst: 100 } },
  })
  const { itemId } = await world.putTerms()
  const ann = randomUUID()
  for (const amount of ['20.00', '21.00', '22.00']) {
    t.equal((await world.bid(itemId, ann, amount)).statusCode, 201)
  }
  const tooMany = await world.bid(itemId, ann, '23.00')
  t.match(tooMany, { statusCode: 429, body: { code: 'bid.too_many_bids' } })
  t.ok(Number(tooMany.headers['retry-after']) >= 1)
  const { rowCount } = await world.pool.query('select from bids where item_id = $1', [itemId])
  t.equal(rowCount, 3)
  t.equal((await world.bid(itemId, randomUUID(), '30.00')).statusCode, 201, 'others bid on')
})

t.test('200 refused bids of one account leave no row, and no other bidder waits', async (t) => {
  const world = await createWorld(t, {
    limits: { bids: { perSecond: 1_000, burst: 1_000 }, refusals: { ...SLOWLY, burst: 5 } },
  })
  const { itemId } = await world.putTerms()
  await world.bid(itemId, randomUUID(), '50.00')
  const ann = randomUUID()
  const statuses: number[] = []
  for (let index = 0; index < 200; index += 1) {
    const key = index % 2 === 0 ? { key: `k-${index}` } : {}
    statuses.push((await world.bid(itemId, ann, '1.00', key)).statusCode)
  }
  t.equal(statuses.filter((status) => status === 422).length, 5)
  t.equal(statuses.filter((status) => status === 429).length, 195)
  t.equal((await world.bid(itemId, randomUUID(), '60.00')).statusCode, 201)
  const { rows } = await world.pool.query(
    `select (select count(*)::int from bids where outcome = 'refused') as bids,
       (select count(*)::int from refusals) as refusals`,
  )
  t.strictSame(rows, [{ bids: 0, refusals: 3 }], 'those with a key, as far as they were judged')
})

t.test(
  'memory is bounded: of many bidders the one who was silent for longest is forgotten',
  (t) => {
    const limit = { ...SLOWLY, burst: 1 }
    const limits = createBidderLimits({ bids: limit, refusals: limit, biddersMax: 2 })
    t.equal(limits.admit('ann', 0), 0)
    t.equal(limits.admit('ben', 0), 0)
    t.ok(limits.admit('ann', 0) > 0)
    t.equal(limits.admit('cal', 0), 0, 'ben is forgotten')
    t.ok(limits.admit('ann', 0) > 0, 'ann is not')
    t.equal(limits.admit('ben', 0), 0)
    t.end()
  },
)
