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

t.test('my bids are paged by the last bid on each lot, however many bids there are', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = [randomUUID(), randomUUID()]
  const lots: string[] = []
  for (let index = 0; index < 5; index += 1) {
    const { itemId } = await world.putTerms()
    lots.push(itemId)
    await world.bid(itemId, ann, '20.00')
  }
  const [first = '', second = ''] = lots
  for (let cents = 2_100; cents < 2_150; cents += 1) {
    await world.bid(second, ann, (cents / 100).toFixed(2))
  }
  await world.bid(first, ben, '30.00')
  const page = async (query: string) => {
    const response = await world.app.inject({
      url: `/api/v1/bids?${query}`,
      headers: { authorization: `Bearer ${world.identity.token(ann)}` },
    })
    return response.json()
  }
  const seen: string[] = []
  let before = ''
  for (;;) {
    const { bids, nextBefore } = await page(`limit=2${before}`)
    seen.push(...bids.map(({ itemId }: { itemId: string }) => itemId))
    if (nextBefore === undefined) break
    before = `&before=${nextBefore}`
  }
  const [, , third, fourth, fifth] = lots
  t.strictSame(seen, [second, fifth, fourth, third, first], 'each once, the last bid first')
  t.match((await page('status=outbid')).bids, [{ itemId: first, myMaxAmount: '20.00' }])

  // A bidder with more bids on a lot than a page reads still gets to the lots behind it.
  await world.pool.query(
    `insert into bids (id, item_id, bidder_id, kind, outcome, max_amount, price, min_next_bid, bid_count,
       reserve_met, ends_at, extended, sequence, decided_at, recorded_at)
     select ('01ffffff-ffff-7fff-8fff-' || lpad(n::text, 12, '0'))::uuid, $1, $2, 'proxy', 'leading', 9000,
       1000, 1050, n, true, now(), false, n, now(), now() from generate_series(1000, 3400) n`,
    [fifth, ann],
  )
  const all: string[] = []
  let next = ''
  for (;;) {
    const { bids, nextBefore } = await page(`limit=10${next}`)
    all.push(...bids.map(({ itemId }: { itemId: string }) => itemId))
    if (nextBefore === undefined) break
    next = `&before=${nextBefore}`
  }
  t.strictSame(all, [fifth, second, fourth, third, first])
})
