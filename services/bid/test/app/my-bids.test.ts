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

t.test(
  'of a thousand lots and more, the ones listed last are counted, and it says so',
  async (t) => {
    const world = await createWorld(t)
    const [ann, ben] = [randomUUID(), randomUUID()]
    const counted = async (userId: string) => {
      const response = await world.app.inject({
        url: '/api/v1/bids',
        headers: { authorization: `Bearer ${world.identity.token(userId)}` },
      })
      const { counts, isCountExact } = response.json()
      return { counts, isCountExact }
    }
    const { itemId } = await world.putTerms()
    await world.bid(itemId, ann, '20.00')
    await world.bid(itemId, ben, '15.00')
    const older = (lots: number) =>
      world.pool.query(
        `with listed as (
         insert into lots (item_id, seller_id, currency_code, terms_version, phase, start_price, bid_increment,
           starts_at, ends_at, original_ends_at, hard_ends_at, extension_threshold_ms, extension_duration_ms,
           extension_mode, max_extensions, bid_count, sequence, reserve_met,
           buy_now_available, outcome, closed_at)
         select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, gen_random_uuid(), 'EUR', 1, 'closed',
           100, 1, now() - interval '1 day', now(), now(), now(), 0, 0, 'from_end', 0, 0, 0, false,
           false, 'no_bids', now()
         from generate_series(1, $1::int) n returning item_id)
       insert into lot_bidders (item_id, bidder_id, number) select item_id, $2, 1 from listed`,
        [lots, ann],
      )
    await older(998)
    const few = { leading: 1, outbid: 0, won: 0, lost: 998 }
    t.strictSame(await counted(ann), { counts: few, isCountExact: true })
    await world.pool.query(`delete from lot_bidders where bidder_id = $1 and item_id <> $2`, [
      ann,
      itemId,
    ])
    await world.pool.query(`delete from lots where phase = 'closed'`)
    await older(1_500)
    const many = { leading: 1, outbid: 0, won: 0, lost: 999 }
    t.strictSame(await counted(ann), { counts: many, isCountExact: false }, 'the newest is in it')
    t.strictSame((await counted(ben)).isCountExact, true)
  },
)

t.test('a user reads how they stand on a lot, and nothing of others', async (t) => {
  const world = await createWorld(t)
  const [seller, ann, ben, eve] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
  const { itemId } = await world.putTerms({ sellerId: seller })
  const mine = async (userId: string | undefined, id = itemId) => {
    const headers = userId && { authorization: `Bearer ${world.identity.token(userId)}` }
    const response = await world.app.inject({
      url: `/api/v1/lots/${id}/mine`,
      ...(headers ? { headers } : {}),
    })
    return { statusCode: response.statusCode, body: response.json() }
  }
  const none = { itemId, isSeller: false, isBlocked: false, isReservedForMe: false }
  t.strictSame((await mine(ann)).body, { ...none, sequence: 0 }, 'before any bid')
  await world.bid(itemId, ann, '20.00')
  await world.bid(itemId, ben, '15.00')
  const { sequence } = await world.lot(itemId)
  const leads = { ...none, status: 'leading', alias: 'bidder 1', myMaxAmount: '20.00', sequence }
  t.strictSame((await mine(ann)).body, leads)
  t.match((await world.lot(itemId)).leaderAlias, 'bidder 1', 'the same name as for all')
  t.match((await mine(ben)).body, { status: 'outbid', alias: 'bidder 2', myMaxAmount: '15.00' })
  t.strictSame((await mine(eve)).body, { ...none, sequence })
  t.match((await mine(seller)).body, { isSeller: true })
  await world.bid(itemId, ann, '35.00')
  t.match((await mine(ann)).body, { status: 'leading', myMaxAmount: '35.00' }, 'a silent raise')
  await world.app.inject({
    method: 'PUT',
    url: `/api/v1/blocks/${ben}`,
    headers: { authorization: `Bearer ${world.identity.token(seller)}` },
  })
  t.match((await mine(ben)).body, { isBlocked: true, status: 'outbid' })
  t.match((await mine(ann)).body, { isBlocked: false })
  await world.shiftLot(itemId, -2 * 86_400_000)
  t.equal(await world.close(), 1)
  t.match([(await mine(ann)).body.status, (await mine(ben)).body.status], ['won', 'lost'])
  t.equal((await mine(undefined)).statusCode, 401)
  t.equal((await mine(ann, randomUUID())).statusCode, 404)
})

t.test('who buys at once reads that the lot is theirs, also without a bid', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = [randomUUID(), randomUUID()]
  const startDate = new Date(Date.now() - 3_600_000).toISOString()
  const buyable = { buyoutPrice: '50.00', reservePrice: '30.00', startDate }
  const mine = async (userId: string, itemId: string) => {
    const headers = { authorization: `Bearer ${world.identity.token(userId)}` }
    return (await world.app.inject({ url: `/api/v1/lots/${itemId}/mine`, headers })).json()
  }
  const bought = (await world.putTerms(buyable)).itemId
  await world.bid(bought, ben, '20.00')
  t.match(await world.buy(bought, ann), { statusCode: 201 })
  const { sequence } = await world.lot(bought)
  t.strictSame(await mine(ann, bought), {
    itemId: bought,
    status: 'won',
    isSeller: false,
    isBlocked: false,
    isReservedForMe: false,
    sequence,
  })
  t.match(await mine(ben, bought), { status: 'lost', isReservedForMe: false })
  const reservable = { ...buyable, buyoutMode: 'reserved', buyoutReservationMinutes: 10 } as const
  const reserved = (await world.putTerms(reservable)).itemId
  t.match(await world.buy(reserved, ann), { body: { outcome: 'reserved' } })
  const held = await mine(ann, reserved)
  t.match(held, { isReservedForMe: true })
  t.notOk('status' in held, 'it is not won before it is paid')
  t.match(await mine(ben, reserved), { isReservedForMe: false }, 'and no one else reads who')
})
