import { randomUUID } from 'node:crypto'
import { type AddressInfo, connect } from 'node:net'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Pool } from 'pg'
import t from 'tap'
import { CLOSING_GRACE_MS } from '#src/app/close-lots.ts'
import { WAIT_MAX_MS } from '#src/app/decide-batch.ts'
import { readClosingBacklog } from '#src/infra/postgres/results.ts'
import { createWorld, type Reply, type World } from '#test/helper.ts'

/** Puts the end of a lot at `fromNowMs` on the database's clock. */
async function endIn(
  { pool }: { pool: Pick<Pool, 'query'> },
  itemId: string,
  fromNowMs: number,
): Promise<void> {
  await pool.query(
    `update lots set starts_at = n.t - interval '1 day', ends_at = n.t, original_ends_at = n.t,
       hard_ends_at = n.t + (hard_ends_at - original_ends_at)
     from (select date_trunc('milliseconds', clock_timestamp()) + $2 * interval '1 ms' as t) n
     where item_id = $1`,
    [itemId, fromNowMs],
  )
}

/** Whether less than `afterMs` has passed since the end of a lot, on the database's clock. */
async function isBefore(
  { pool }: { pool: Pick<Pool, 'query'> },
  itemId: string,
  afterMs: number,
): Promise<boolean> {
  const { rows } = await pool.query<{ is: boolean }>(
    `select clock_timestamp() < ends_at + $2 * interval '1 ms' as is from lots where item_id = $1`,
    [itemId, afterMs],
  )
  return rows[0]?.is === true
}

/**
 * Plays with lot after lot until the closer has run within the grace of one: on a busy machine the grace passes before.
 * Returns how many lots it closed then.
 */
async function closeInGrace(
  world: World,
  play: (itemId: string) => Promise<unknown>,
): Promise<number> {
  for (;;) {
    const { itemId } = await world.putTerms()
    await play(itemId)
    const closed = await world.close()
    if (await isBefore(world, itemId, CLOSING_GRACE_MS)) return closed
    // So that this lot is not counted with the next one.
    await world.close()
  }
}

/** Few at a time: a pool gives up on those that wait for a connection for two seconds. */
async function putLots(world: World, count: number): Promise<string[]> {
  const itemIds: string[] = []
  while (itemIds.length < count) {
    const lots = await Promise.all(Array.from({ length: 5 }, () => world.putTerms()))
    itemIds.push(...lots.map(({ itemId }) => itemId))
  }
  return itemIds
}

async function events(world: World, itemId: string) {
  const { rows } = await world.pool.query(
    `select e->>'key' as key, e->'envelope'->'payload' as payload, e->'envelope'->>'sequence' as sequence
     from outbox, json_array_elements(events) e where e->>'aggregateId' = $1 order by seq`,
    [itemId],
  )
  return rows
}

t.test(
  'a lot with its reserve met is sold to the leader at the price, and every bidder is notified',
  async (t) => {
    const world = await createWorld(t)
    const { itemId } = await world.putTerms()
    const [ann, ben] = [randomUUID(), randomUUID()]
    await world.bid(itemId, ann, '25.00')
    await world.bid(itemId, ben, '18.00')
    await endIn(world, itemId, -CLOSING_GRACE_MS)
    t.equal(await world.close(), 1)
    t.match(await world.lot(itemId), {
      phase: 'closed',
      outcome: 'sold',
      finalAmount: '18.50',
      sequence: 3,
    })
    const published = (await events(world, itemId)).slice(-3)
    t.strictSame(
      published.map(({ key }) => key),
      ['bid.closed.v1', 'bid.won.v1', 'bid.lost.v1'],
    )
    t.match(published[1].payload, { buyerId: ann, finalAmount: '18.50', round: 1 })
    t.strictSame(published[2].payload.userIds, [ben])
    t.ok(published.every(({ sequence }) => sequence === '3'))
  },
)

t.test('a lot with very many losers is closed at once, and no outbox row is long', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  const ann = randomUUID()
  await world.bid(itemId, ann, '25.00')
  const losers = 100_000
  await world.pool.query(
    `insert into lot_bidders (item_id, bidder_id, number)
     select $1, gen_random_uuid(), 1 + n from generate_series(1, $2::int) n`,
    [itemId, losers],
  )
  await endIn(world, itemId, -CLOSING_GRACE_MS)
  t.equal(await world.close(), 1)
  const { rows: sizes } = await world.pool.query<{ length: number; xid: string }>(
    `select length(events::text) as length, xmin::text as xid from outbox
     where events->0->>'key' in ('bid.closed.v1', 'bid.lost.v1')`,
  )
  t.ok(sizes.length > 10, `${sizes.length} rows`)
  t.ok(Math.max(...sizes.map(({ length }) => length)) <= 260_000)
  t.equal(new Set(sizes.map(({ xid }) => xid)).size, 1, 'of one transaction')
  const published = (await events(world, itemId)).slice(1)
  t.strictSame(
    published.slice(0, 3).map(({ key }) => key),
    ['bid.closed.v1', 'bid.won.v1', 'bid.lost.v1'],
  )
  const named = published.slice(2).flatMap(({ payload }) => payload.userIds)
  t.equal(named.length, losers)
  t.equal(new Set(named).size, losers)
})

t.test('no bids, or a reserve that was not met: no winner', async (t) => {
  const world = await createWorld(t)
  const [empty, short] = [await world.putTerms(), await world.putTerms({ reservePrice: '99.00' })]
  await world.bid(short.itemId, randomUUID(), '50.00')
  for (const { itemId } of [empty, short]) await endIn(world, itemId, -CLOSING_GRACE_MS)
  t.equal(await world.close(), 2)
  t.match(await world.lot(empty.itemId), { outcome: 'no_bids' })
  t.match(await world.lot(short.itemId), { outcome: 'reserve_not_met', finalAmount: undefined })
  const keys = (await events(world, short.itemId)).map(({ key }) => key)
  t.notOk(keys.includes('bid.won.v1'))
})

t.test('ten closers at once close each of fifty lots exactly once', async (t) => {
  const world = await createWorld(t)
  const lots = await Promise.all(Array.from({ length: 50 }, () => world.putTerms()))
  for (const { itemId } of lots) await endIn(world, itemId, -CLOSING_GRACE_MS)
  const closed = await Promise.all(Array.from({ length: 10 }, () => world.close()))
  t.equal(
    closed.reduce((sum, count) => sum + count, 0),
    50,
  )
  const { rows } = await world.pool.query('select count(*)::int as results from results')
  t.equal(rows[0].results, 50)
})

t.test('a lot that cannot be closed does not keep the others from closing', async (t) => {
  const world = await createWorld(t)
  const lots = await Promise.all(Array.from({ length: 5 }, () => world.putTerms()))
  for (const { itemId } of lots) await endIn(world, itemId, -CLOSING_GRACE_MS)
  const broken = lots[2]?.itemId ?? ''
  await world.pool.query(
    `insert into results (item_id, round, outcome, bid_count, closed_at)
     values ($1, 1, 'no_bids', 0, clock_timestamp())`,
    [broken],
  )
  t.equal(await world.close(), 4)
  const { rows } = await world.pool.query(`select item_id from lots where phase = 'open'`)
  t.strictSame(rows, [{ item_id: broken }])
})

t.test('one run closes three hundred lots, also those that were held when it came', async (t) => {
  const world = await createWorld(t)
  const lots = await putLots(world, 300)
  await world.pool.query(
    `update lots set starts_at = n.t - interval '1 day', ends_at = n.t, original_ends_at = n.t,
       hard_ends_at = n.t
     from (select date_trunc('milliseconds', clock_timestamp()) - interval '1 minute' as t) n`,
  )
  const releases = await Promise.all([0, 100, 299].map((at) => world.hold(lots[at] ?? '')))
  const closing = world.close()
  await waitFor('the lots that are free', async () => {
    const { rows } = await world.pool.query('select count(*)::int as closed from results')
    return rows[0].closed === 297
  })
  for (const release of releases) await release()
  t.equal(await closing, 300)
  const { rows } = await world.pool.query(
    `select count(*)::int as events, count(distinct e->>'aggregateId')::int as lots
     from outbox, json_array_elements(events) e where e->>'key' = 'bid.closed.v1'`,
  )
  t.strictSame(rows, [{ events: 300, lots: 300 }])
})

t.test('late bids on three hundred lots that close at once are all refused', async (t) => {
  const world = await createWorld(t)
  const lots = await putLots(world, 300)
  const open = await world.putTerms()
  for (const itemId of lots.slice(0, 50)) await world.bid(itemId, randomUUID(), '11.00')
  await world.pool.query(
    `update lots set starts_at = n.t - interval '1 day', ends_at = n.t, original_ends_at = n.t,
       hard_ends_at = n.t
     from (select date_trunc('milliseconds', clock_timestamp()) - interval '1 minute' as t) n
     where item_id <> $1`,
    [open.itemId],
  )
  const [closed, ...answers] = await Promise.all([
    world.close(),
    ...lots.map((itemId) => world.bid(itemId, randomUUID(), '50.00')),
    ...Array.from({ length: 20 }, (_, index) =>
      world.bid(open.itemId, randomUUID(), `${11 + index}.00`),
    ),
  ])
  t.equal(closed + (await world.close()), 300, 'what bids hold for long is left to the next run')
  t.ok(answers.slice(0, 300).every(({ body }) => body.code === 'bid.ended'))
  t.ok(answers.slice(300).some(({ statusCode }) => statusCode === 201))
  const { rows } = await world.pool.query(
    `select outcome, count(*)::int as count from results group by 1 order by 1`,
  )
  t.strictSame(rows, [
    { outcome: 'no_bids', count: 250 },
    { outcome: 'sold', count: 50 },
  ])
})

t.test('a bid is taken before the end and refused from it on, closer or no closer', async (t) => {
  const world = await createWorld(t)
  const closed = await closeInGrace(world, async (itemId) => {
    await endIn(world, itemId, 60_000)
    t.equal((await world.bid(itemId, randomUUID(), '11.00')).statusCode, 201)
    // A bid counts up to five milliseconds earlier than it arrived.
    await endIn(world, itemId, -10)
    t.match(await world.bid(itemId, randomUUID(), '20.00'), {
      statusCode: 409,
      body: { code: 'bid.ended' },
    })
    t.match(await world.lot(itemId), { phase: 'closing', minNextBid: undefined })
  })
  t.equal(closed, 0, 'the grace has not passed')
})

t.test('a bid that came in time and waited for the lock past the end still counts', async (t) => {
  const world = await createWorld(t)
  let waitedFor = ''
  let waiting: Promise<Reply> | undefined
  const closed = await closeInGrace(world, async (itemId) => {
    const holder = await world.pool.connect()
    await holder.query('begin')
    await holder.query('select 1 from lots where item_id = $1 for update', [itemId])
    waitedFor = itemId
    waiting = world.bid(itemId, randomUUID(), '11.00')
    await world.waitForLocks(1)
    // Not sooner: how long the bid has waited is known to some milliseconds.
    await endIn({ pool: holder }, itemId, 1_000)
    await waitFor('the end', async () => !(await isBefore({ pool: holder }, itemId, 0)))
    await holder.query('commit')
    holder.release()
  })
  t.equal(closed, 0, 'the closer waits as long as a bid may')
  t.match(await waiting, { statusCode: 201, body: { outcome: 'leading' } })
  await endIn(world, waitedFor, -CLOSING_GRACE_MS)
  await world.close()
  t.match(await world.lot(waitedFor), { outcome: 'sold' })
})

t.test(
  'a bid whose body arrives after the end is refused, though its headers came in time',
  async (t) => {
    const world = await createWorld(t)
    const { itemId } = await world.putTerms()
    await world.bid(itemId, randomUUID(), '20.00')
    await world.app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = world.app.server.address() as AddressInfo
    const body = JSON.stringify({ maxAmount: '50.00' })
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    let answer = ''
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString()
    })
    const headersArrived = new Promise((resolve) => world.app.server.once('request', resolve))
    socket.write(
      `POST /api/v1/lots/${itemId}/bids HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${world.identity.token(randomUUID())}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    )
    await headersArrived
    await endIn(world, itemId, 50)
    await waitFor('the end', async () => (await world.lot(itemId)).phase === 'closing')
    socket.write(body)
    await waitFor('the answer', () => answer.includes('traceId'))
    t.match(answer, /^HTTP\/1.1 409 [\s\S]*bid\.ended/)
    t.match(await world.lot(itemId), { bidCount: 1, currentPrice: '10.00' })
  },
)

t.test('a bid that waited longer than two seconds is answered 503 and not recorded', async (t) => {
  const world = await createWorld(t, { waitMaxMs: WAIT_MAX_MS })
  const { itemId } = await world.putTerms()
  const release = await world.hold(itemId)
  const sentAtMs = performance.now()
  const answer = await world.bid(itemId, randomUUID(), '11.00', { key: 'slow' })
  t.ok(performance.now() - sentAtMs >= WAIT_MAX_MS, 'not sooner')
  t.match(answer, {
    statusCode: 503,
    headers: { 'retry-after': /^[123]$/ },
    body: { code: 'bid.waited_too_long' },
  })
  await release()
  // Whatever still waits for the lot is done then.
  await world.app.close()
  const { rows } = await world.pool.query('select count(*)::int as recorded from bids')
  t.equal(rows[0].recorded, 0)
})

t.test('a bid after the end is refused while the closer closes the lot', async (t) => {
  const world = await createWorld(t)
  for (let round = 0; round < 15; round += 1) {
    const { itemId } = await world.putTerms()
    await world.bid(itemId, randomUUID(), '11.00')
    await endIn(world, itemId, -CLOSING_GRACE_MS + (round % 3))
    const [bid] = await Promise.all([world.bid(itemId, randomUUID(), '50.00'), world.close()])
    t.equal(bid.body.code, 'bid.ended')
  }
})

t.test('a closer that was down for an hour closes with the bids made in time', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  await world.bid(itemId, randomUUID(), '25.00')
  await endIn(world, itemId, -3_600_000)
  t.equal(
    (await world.bid(itemId, randomUUID(), '30.00')).body.code,
    'bid.ended',
    'nothing is sold late',
  )
  t.equal(await world.close(), 1)
  t.match(await world.lot(itemId), { outcome: 'sold', finalAmount: '10.00' })
})

t.test('anti-sniping extends from the end, up to the hard end, and says so', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms({
    extensionThresholdMinutes: 10,
    extensionDurationMinutes: 5,
    maxExtensionMinutes: 7,
  })
  await endIn(world, itemId, 150_000)
  const before = Date.parse(String((await world.lot(itemId)).endDate))
  const [first, second, third] = [
    await world.bid(itemId, randomUUID(), '11.00'),
    await world.bid(itemId, randomUUID(), '13.00'),
    await world.bid(itemId, randomUUID(), '15.00'),
  ]
  t.equal(Date.parse(String(first.body.endDate)) - before, 300_000)
  t.equal(Date.parse(String(second.body.endDate)) - before, 420_000, 'cut at the hard end')
  t.match(third.body, { extended: false, endDate: second.body.endDate })
  const placed = (await events(world, itemId)).filter(({ key }) => key === 'bid.placed.v1')
  t.strictSame(
    placed.map(({ payload }) => [payload.extended, payload.atHardEnd]),
    [
      [true, false],
      [true, false],
      [false, true],
    ],
  )
})

t.test(
  'the backlog counts open lots, those that end soon and the age of the oldest overdue end',
  async (t) => {
    const world = await createWorld(t)
    t.strictSame(await readClosingBacklog(world.db), {
      openLots: 0,
      endingSoon: 0,
      overdueSeconds: 0,
      proofAgeSeconds: 0,
    })
    const ends = [-3_000, 110_000, 180_000, 86_400_000]
    const lots = await Promise.all(ends.map(() => world.putTerms()))
    for (const [index, fromNowMs] of ends.entries()) {
      await endIn(world, lots[index]?.itemId ?? '', fromNowMs)
    }
    const backlog = await readClosingBacklog(world.db)
    t.match(backlog, { openLots: 4, endingSoon: 2 })
    t.ok(backlog.overdueSeconds >= 3 && backlog.overdueSeconds < 60)
  },
)

t.test('with LEGACY_PASCAL_ALIAS the events have the names of the original too', async (t) => {
  const world = await createWorld(t, { legacyAlias: true })
  const ann = randomUUID()
  const { itemId } = await world.putTerms()
  t.equal((await world.bid(itemId, ann, '25.00')).statusCode, 201)
  await world.shiftLot(itemId, -2 * 86_400_000 - CLOSING_GRACE_MS)
  t.equal(await world.close(), 1)
  const { rows } = await world.pool.query(
    `select e ->> 'key' as key, e -> 'envelope' -> 'payload' as payload
       from outbox, json_array_elements(events) e where e ->> 'aggregateId' = $1`,
    [itemId],
  )
  const payloadOf = (key: string) => rows.find((row) => row.key === key)?.payload
  t.match(payloadOf('bid.placed.v1'), { ItemID: itemId, UserID: ann, itemId, userId: ann })
  t.type(payloadOf('bid.placed.v1').Amount, 'string')
  t.match(payloadOf('bid.won.v1'), { ItemID: itemId, BuyerID: ann, buyerId: ann })
})
