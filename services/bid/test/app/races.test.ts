import { randomUUID } from 'node:crypto'
import t from 'tap'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld, lotTerms } from '#test/helper.ts'

t.test('two first bids at once: one opens at the start price, the other meets it', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  for (let round = 0; round < 10; round += 1) {
    const { itemId } = await world.putTerms()
    const answers = await Promise.all([
      world.bid(itemId, randomUUID(), '20.00'),
      world.bid(itemId, randomUUID(), '30.00', { app: replica }),
    ])
    t.ok(answers.every(({ statusCode }) => statusCode === 201))
    t.match(await world.lot(itemId), { bidCount: 2, currentPrice: '20.50' })
  }
})

t.test(
  'hundreds of bids from two processes leave a ledger that replays to the same lots',
  async (t) => {
    const world = await createWorld(t)
    const replica = await world.replica()
    const lots = await Promise.all([1, 2, 3].map(() => world.putTerms({ reservePrice: '60.00' })))
    const bidders = Array.from({ length: 20 }, () => randomUUID())
    const answers = await Promise.all(
      Array.from({ length: 600 }, (_, index) =>
        world.bid(
          lots[index % 3]?.itemId ?? '',
          bidders[(index * 7) % 20] ?? '',
          (10 + ((index * 13) % 400) / 8).toFixed(2),
          { app: index % 2 === 0 ? world.app : replica, key: `r-${index}` },
        ),
      ),
    )
    const accepted = answers.filter(({ statusCode }) => statusCode === 201)
    t.ok(accepted.length > 10, `${accepted.length} accepted`)
    t.ok(answers.every(({ statusCode }) => [201, 422].includes(statusCode)))
    const { violations } = await verifyLots(world.db, createBidSettings())
    t.strictSame(violations, [])
    const { rows } = await world.pool.query(
      `select count(*) filter (where kind <> 'auto')::int as bids,
         count(distinct (item_id, sequence)) filter (where silent_raise = 0)::int as sequences,
         count(distinct (item_id, silent_raise)) filter (where silent_raise > 0)::int as raises
       from bids`,
    )
    const [{ bids, sequences, raises }] = rows
    t.equal(bids, accepted.length)
    t.equal(sequences + raises, bids, 'no sequence and no number of a raise was given twice')
  },
)

t.test(
  'bidders who come to a lot at once by two processes get numbers without a gap',
  async (t) => {
    const world = await createWorld(t)
    const replica = await world.replica()
    const { itemId } = await world.putTerms()
    const COUNT = 60
    // Amounts rise and fall, so some are refused and get no number, and some bid twice.
    const bidders = Array.from({ length: COUNT }, () => randomUUID())
    for (const round of [0, 1]) {
      await Promise.all(
        bidders.map((bidder, index) =>
          world.bid(itemId, bidder, `${20 + ((index * 7 + round * 31) % COUNT)}.00`, {
            app: index % 2 === 0 ? world.app : replica,
          }),
        ),
      )
    }
    const { rows } = await world.pool.query<{ number: number }>(
      'select number from lot_bidders where item_id = $1 order by number',
      [itemId],
    )
    t.ok(rows.length > 5, `${rows.length} bidders`)
    t.strictSame(
      rows.map(({ number }) => number),
      rows.map((_row, index) => index + 1),
    )
    t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
  },
)

t.test('of an edit and a first bid at once exactly one succeeds', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  let edited = 0
  let bids = 0
  for (let round = 0; round < 30; round += 1) {
    const terms = lotTerms()
    await world.putTerms(terms)
    const starts = {
      edit: () => world.putTerms({ ...terms, termsVersion: 2, startPrice: '40.00' }),
      bid: () =>
        world.bid(terms.itemId, randomUUID(), '20.00', { app: replica, body: { termsVersion: 1 } }),
    }
    // Both wait for the lock of the lot at the same time, and each is the first in half the rounds.
    const release = await world.hold(terms.itemId)
    const isEditFirst = round % 2 === 0
    const first = isEditFirst ? starts.edit() : starts.bid()
    await world.waitForLocks(1)
    const second = isEditFirst ? starts.bid() : starts.edit()
    await world.waitForLocks(2)
    await release()
    const [one, two] = await Promise.all([first, second])
    const [edit, bid] = isEditFirst ? [one, two] : [two, one]
    t.not(edit.statusCode === 200, bid.statusCode === 201, 'exactly one of them')
    if (edit.statusCode === 200) t.equal(bid.body.code, 'bid.terms_changed')
    else t.match(edit.body, { code: 'lot.has_bids' })
    edited += edit.statusCode === 200 ? 1 : 0
    bids += bid.statusCode === 201 ? 1 : 0
  }
  t.ok(edited > 0 && bids > 0, `${edited} edits and ${bids} bids were first`)
})

t.test('terms: the same version again is unchanged, an older one is refused', async (t) => {
  const world = await createWorld(t)
  const terms = lotTerms()
  const created = await Promise.all([1, 2, 3].map(() => world.putTerms(terms)))
  t.strictSame(created.map(({ body }) => body.outcome).sort(), [
    'created',
    'unchanged',
    'unchanged',
  ])
  t.match(await world.putTerms({ ...terms, termsVersion: 3, startPrice: '20.00' }), {
    statusCode: 200,
  })
  t.match(await world.putTerms({ ...terms, termsVersion: 2 }), {
    statusCode: 409,
    body: { code: 'lot.stale_terms' },
  })
  t.match(await world.putTerms({ ...terms, termsVersion: 4, currencyCode: 'EUR' }), {
    statusCode: 409,
  })
  t.match(await world.putTerms({ ...terms, startPrice: '1e3', itemId: randomUUID() }), {
    statusCode: 422,
    body: { code: 'lot.invalid_terms', details: { field: 'startPrice' } },
  })
})

t.test('a reserve lowered to below the leader’s maximum is met at once', async (t) => {
  const world = await createWorld(t)
  const terms = lotTerms({ reservePrice: '60.00' })
  await world.putTerms(terms)
  await world.bid(terms.itemId, randomUUID(), '40.00')
  t.match(await world.lot(terms.itemId), { reserveMet: false, currentPrice: '40.00' })
  const raised = await world.putTerms({ ...terms, termsVersion: 2, reservePrice: '70.00' })
  t.match(raised.body, { code: 'lot.has_bids' }, 'never raised')
  t.match(await world.putTerms({ ...terms, termsVersion: 2, reservePrice: '35.00' }), {
    statusCode: 200,
  })
  t.match(await world.lot(terms.itemId), {
    reserveMet: true,
    currentPrice: '40.00',
    termsVersion: 2,
  })
  const { rows } = await world.pool.query(
    `select count(*)::int as events from outbox, json_array_elements(events) e where e->>'key' = 'bid.reserve_met.v1'`,
  )
  t.equal(rows[0].events, 1)
  t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
})

t.test('the same keys in opposite orders on two replicas do not deadlock', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  const bidder = randomUUID()
  const [one, two] = [await world.putTerms(), await world.putTerms()]
  const deadlocks = async () => {
    const { rows } = await world.pool.query(
      'select pg_stat_force_next_flush(), deadlocks::int from pg_stat_database where datname = current_database()',
    )
    return rows[0].deadlocks
  }
  for (let round = 0; round < 5; round += 1) {
    const keys = Array.from({ length: 60 }, (_, index) => `k-${round}-${index}`)
    const answers = await Promise.all([
      ...keys.map((key, index) => world.bid(one.itemId, bidder, `${30 + index}.00`, { key })),
      ...keys
        .toReversed()
        .map((key, index) =>
          world.bid(two.itemId, bidder, `${30 + index}.00`, { key, app: replica }),
        ),
    ])
    t.ok(answers.every(({ statusCode }) => [201, 422, 409].includes(statusCode)))
  }
  t.equal(await deadlocks(), 0)
})
