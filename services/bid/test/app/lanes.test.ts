import { randomUUID } from 'node:crypto'
import { createLogger } from '@auction/common/process/logger.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { createBidPool } from '#src/app/api.ts'
import { LANES_MAX } from '#src/app/bid-queue.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld, type Reply, type World } from '#test/helper.ts'

const putLots = (world: World, count: number) =>
  Promise.all(Array.from({ length: count }, async () => (await world.putTerms()).itemId))

const amount = (index: number) => `${11 + index}.00`

/** Bids of new bidders, each above the one before, on a lot of this caller alone. */
function rising(world: World, itemId: string) {
  let index = 0
  return (options = {}): Promise<Reply> => {
    index += 1
    return world.bid(itemId, randomUUID(), amount(index), options)
  }
}

t.test('a lot that is held for twenty seconds costs no bid on another lot', async (t) => {
  // More than in production: on a busy machine the bids on the free lots take longer.
  const world = await createWorld(t, { waitMaxMs: 5_000 })
  const [heldId = '', ...freeIds] = await putLots(world, 21)
  const free = freeIds.map((itemId) => rising(world, itemId))
  const release = await world.hold(heldId)
  const heldAnswers: Reply[] = []
  // Each of the four is answered when it is five seconds old.
  const bidOnHeld = async () => {
    while (heldAnswers.length < 4) {
      heldAnswers.push(await world.bid(heldId, randomUUID(), '11.00'))
    }
  }
  const holding = bidOnHeld()
  const freeAnswers: Reply[] = []
  while (heldAnswers.length < 4) {
    freeAnswers.push(...(await Promise.all(free.map((bid) => bid()))))
  }
  await holding
  t.strictSame(
    freeAnswers.filter(({ statusCode }) => statusCode !== 201),
    [],
    `none of ${freeAnswers.length} bids was refused`,
  )
  for (const answer of heldAnswers) {
    t.match(answer, {
      statusCode: 503,
      headers: { 'retry-after': /^[123]$/ },
      body: { code: 'bid.waited_too_long' },
    })
  }
  await release()
  t.equal((await world.bid(heldId, randomUUID(), '11.00')).statusCode, 201)
})

t.test('bids of one bidder on a held lot are decided in the order of their arrival', async (t) => {
  const world = await createWorld(t, { batchMax: 3 })
  const [itemId = '', freeId = ''] = await putLots(world, 2)
  const bidder = randomUUID()
  const release = await world.hold(itemId)
  const answers = Array.from({ length: 20 }, (_, index) =>
    world.bid(itemId, bidder, amount(index), { key: `order-${index}` }),
  )
  await world.bid(freeId, randomUUID(), '11.00')
  await world.waitForLocks(1)
  await release()
  const bidIds = (await Promise.all(answers)).map(({ body }) => body.bidId)
  const { rows } = await world.pool.query<{ id: string }>(
    'select id from bids where item_id = $1 order by sequence, silent_raise',
    [itemId],
  )
  t.strictSame(
    bidIds,
    rows.map(({ id }) => id),
  )
})

t.test('one key on two held lots at once is one bid', async (t) => {
  const world = await createWorld(t)
  const [one = '', two = ''] = await putLots(world, 2)
  const bidder = randomUUID()
  const releases = [await world.hold(one), await world.hold(two)]
  const bids = [one, two].map((itemId) => world.bid(itemId, bidder, '25.00', { key: 'lanes' }))
  await world.waitForLocks(2)
  await Promise.all(releases.map((release) => release()))
  const answers = await Promise.all(bids)
  t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [201, 422])
  t.equal(
    answers.find(({ statusCode }) => statusCode === 422)?.body.code,
    'bid.idempotency_key_reused',
  )
})

t.test('a lot that does not exist is not waited for beside one that is held', async (t) => {
  const world = await createWorld(t)
  const [itemId = ''] = await putLots(world, 1)
  const release = await world.hold(itemId)
  const waiting = world.bid(itemId, randomUUID(), '11.00')
  const missing = await world.bid(randomUUID(), randomUUID(), '11.00')
  t.match(missing, { statusCode: 404, body: { code: 'lot.not_found' } })
  await world.waitForLocks(1)
  await release()
  t.equal((await waiting).statusCode, 201)
})

t.test('with every lane taken, a lot that becomes free is decided all the same', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  const lots = await putLots(world, LANES_MAX + 2)
  const late = lots.slice(LANES_MAX)
  const releases = new Map<string, () => Promise<void>>()
  for (const itemId of lots) releases.set(itemId, await world.hold(itemId))
  const bids = new Map(
    lots.map((itemId) => {
      const bid = world.bid(itemId, randomUUID(), '11.00', { app: replica })
      return [itemId, bid] as const
    }),
  )
  await world.waitForLocks(LANES_MAX)
  for (const itemId of late) await releases.get(itemId)?.()
  for (const itemId of late) t.equal((await bids.get(itemId))?.statusCode, 201)
  await world.waitForLocks(LANES_MAX)
  for (const itemId of lots.slice(0, LANES_MAX)) await releases.get(itemId)?.()
  await Promise.all(bids.values())
})

t.test('a process that stops answers the bids that wait for a held lot', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  const [itemId = ''] = await putLots(world, 1)
  const release = await world.hold(itemId)
  const waiting = world.bid(itemId, randomUUID(), '11.00', { app: replica })
  await world.waitForLocks(1)
  let isClosed = false
  const closing = replica.close().then(() => {
    isClosed = true
  })
  t.equal((await world.bid(randomUUID(), randomUUID(), '11.00')).statusCode, 404)
  t.equal(isClosed, false)
  await release()
  t.equal((await waiting).statusCode, 201)
  await closing
})

t.test(
  'a process that is frozen in the middle of a batch loses its locks, and no other lot notices',
  async (t) => {
    const world = await createWorld(t)
    const [one = '', two = '', freeId = ''] = await putLots(world, 3)
    const pool = createBidPool(world.config, { log: createLogger('bid', 'silent') })
    // For the server a client that says nothing in a transaction is a frozen one.
    const frozen = await waitFor('a connection, for which production has two seconds', () =>
      pool.connect().catch(() => undefined),
    )
    t.teardown(async () => {
      frozen.release(true)
      await pool.end()
    })
    // At once: between two statements a busy machine may be silent for as long as a frozen one.
    await frozen.query(`begin; select 1 from lots where item_id in ('${one}', '${two}') for update`)
    const free = rising(world, freeId)
    const decided = Promise.all(
      [one, two].map((itemId) =>
        waitFor(
          'the locks to be gone',
          async () => (await world.bid(itemId, randomUUID(), '11.00')).statusCode === 201,
        ),
      ),
    )
    let isDecided = false
    void decided.then(() => {
      isDecided = true
    })
    const answers: Reply[] = []
    while (!isDecided) answers.push(await free())
    await decided
    t.ok(answers.every(({ statusCode }) => statusCode === 201))
  },
)

t.test(
  'replicas that share a hot lot keep deciding bids on their own lots while commits are slow',
  async (t) => {
    const world = await createWorld(t)
    await world.pool.query(`
      create function slow_commit() returns trigger language plpgsql as
        $$ begin perform pg_sleep(0.2); return null; end $$;
      create constraint trigger slow_commit after insert on outbox deferrable initially deferred
        for each row execute function slow_commit()`)
    const replicas = await Promise.all([1, 2, 3, 4].map(() => world.replica()))
    const [hotId = '', ...ownIds] = await putLots(world, 5)
    const hot = rising(world, hotId)
    let isDone = false
    const refused: string[] = []
    const keep = (lot: string, { statusCode, body }: Reply) => {
      if (statusCode >= 500) refused.push(`${lot}: ${body.code}`)
    }
    const heating = replicas.map(async (app) => {
      while (!isDone) keep('hot', await hot({ app }))
    })
    const own = replicas.map(async (app, index) => {
      const bid = rising(world, ownIds[index] ?? '')
      for (let count = 0; count < 10; count += 1) keep('own', await bid({ app }))
    })
    await Promise.all(own)
    isDone = true
    await Promise.all(heating)
    t.strictSame(refused, [])
    const { rows } = await world.pool.query(
      `select count(*) filter (where events::text like $1)::int as hot, count(*)::int as all from outbox`,
      [`%"aggregateId":"${hotId}"%`],
    )
    const [commits] = rows
    // In a convoy each replica's own lot waits for four commits of the hot one.
    t.ok(commits.all - commits.hot > 1.5 * commits.hot, JSON.stringify(commits))
    t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
  },
)
