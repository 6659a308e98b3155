import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createWorld } from '#test/helper.ts'

t.test('my bids are led, outbid, won or lost, counted and filtered', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = [randomUUID(), randomUUID()]
  const mine = async (query: string, userId = ann) => {
    const response = await world.app.inject({
      url: `/api/v1/bids?${query}`,
      headers: { authorization: `Bearer ${world.identity.token(userId)}` },
    })
    return response.json()
  }
  const lot = async () => (await world.putTerms()).itemId
  const lots = { leading: await lot(), outbid: await lot(), won: await lot(), lost: await lot() }
  const second = await lot()
  for (const itemId of Object.values(lots)) await world.bid(itemId, ann, '20.00')
  await world.bid(second, ann, '20.00')
  for (const itemId of [lots.outbid, lots.lost]) await world.bid(itemId, ben, '30.00')
  for (const itemId of [lots.won, lots.lost]) await world.shiftLot(itemId, -2 * 86_400_000)
  t.equal(await world.close(), 2)

  const all = await mine('')
  t.strictSame(all.counts, { leading: 2, outbid: 1, won: 1, lost: 1 })
  t.equal(all.bids.length, 5)
  for (const [status, itemId] of Object.entries(lots)) {
    const { bids, counts } = await mine(`status=${status}`)
    t.ok(
      bids.every((bid: { status: string }) => bid.status === status),
      status,
    )
    t.ok(bids.some((bid: { itemId: string }) => bid.itemId === itemId))
    t.strictSame(counts, all.counts, 'counts are of all')
  }
  const first = await mine('status=leading&limit=1')
  t.match(first.bids, [{ itemId: second, myMaxAmount: '20.00' }])
  const next = await mine(`status=leading&limit=1&before=${first.nextBefore}`)
  t.match(next.bids, [{ itemId: lots.leading }])
  t.strictSame((await mine('', ben)).counts, { leading: 1, outbid: 0, won: 1, lost: 0 })
  t.strictSame((await mine('', randomUUID())).counts, { leading: 0, outbid: 0, won: 0, lost: 0 })
  for (const query of ['status=new', 'before=x', 'limit=101', 'status=%00']) {
    t.equal((await mine(query)).code, 'request.invalid_query', query)
  }
})
