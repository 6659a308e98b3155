import { randomUUID } from 'node:crypto'
import { bidClosed, bidLost, bidWon } from '@auction/common/contracts/bid.ts'
import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import { userRegistered } from '@auction/common/contracts/identity.ts'
import { newId } from '@auction/common/ids.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { reviewBidders } from '#src/app/bidder-review/review-bidders.ts'
import {
  JUDGED_LOTS_MAX,
  NEVER_WINS_ITEMS_MIN,
  ONE_SELLER_ITEMS_MIN,
} from '#src/domain/review-flags.ts'
import {
  countFlags,
  FLAGS_COUNTED_MAX,
  takeDueBidders,
} from '#src/infra/postgres/bidder-review/review-flags.ts'
import { purgeReviewSources } from '#src/infra/postgres/bidder-review/review-sources.ts'
import { startAddresses } from '#test/addresses.ts'
import { consume, event, placed } from '#test/bid-history.ts'
import { build, call, createPublished, type Fixture } from '#test/helper.ts'
import { explain, recordStatements } from '#test/search-plans.ts'

/** The events of bid for a lot that one bidder won over others. */
function sale(itemId: string, buyerId: string, loserIds: string[]): OutboxEvent[] {
  const end = new Date().toISOString()
  const amount = { currencyCode: 'USD', finalAmount: '150.00' }
  return [
    event(
      bidClosed,
      itemId,
      {
        itemId,
        round: 1,
        outcome: 'sold',
        currentPrice: '150.00',
        bidCount: 2,
        sequence: 3,
        reserveMet: true,
        endDate: end,
        closedAt: end,
        winnerId: buyerId,
        ...amount,
      },
      3,
    ),
    event(bidWon, itemId, { itemId, buyerId, ...amount, round: 1, sequence: 3 }, 3),
    event(bidLost, itemId, { itemId, userIds: loserIds, ...amount, round: 1, sequence: 3 }, 3),
  ]
}

/** Brings what is due half a minute later to now, on the database's clock. */
async function review({ db, database, sharedAddressesOf }: World): Promise<number> {
  await database.pool.query(`update bidder_checks set due_at = clock_timestamp()`)
  return reviewBidders({ db, sharedAddressesOf })
}

type World = Awaited<ReturnType<typeof start>>

async function start(t: Parameters<typeof build>[0]) {
  return { ...(await build(t)), ...(await startAddresses(t)) }
}

async function flags(fixture: Fixture, query = '') {
  const as = fixture.identity.person(['moderator'])
  const { body } = await call(fixture, 'GET', `/api/v1/moderation/flags${query}`, { as })
  return body.items as Record<string, unknown>[]
}

t.test('a bidder on one seller only is flagged until they bid elsewhere', async (t) => {
  const fixture = await start(t)
  const { dependencies, seller, identity } = fixture
  const [friend, buyer] = [randomUUID(), randomUUID()]
  for (let count = 1; count <= ONE_SELLER_ITEMS_MIN; count += 1) {
    t.strictSame(await flags(fixture), [], `not with ${count - 1}`)
    const events = sale(await createPublished(fixture), buyer, [friend])
    await consume(dependencies, events)
    await consume(dependencies, events)
    t.equal(await reviewBidders(fixture), 0, 'other events may be on their way')
    t.equal(await review(fixture), 2)
  }
  t.match(await flags(fixture, '?kind=only_one_seller'), [
    { kind: 'only_one_seller', sellerId: seller.id, details: { items: 3 } },
    { kind: 'only_one_seller', sellerId: seller.id, details: { items: 3 } },
  ])
  const elsewhere = await createPublished(fixture, {}, identity.person())
  await consume(dependencies, sale(elsewhere, buyer, [friend]))
  await review(fixture)
  t.strictSame(await flags(fixture), [])
})

t.test('a bidder who never wins is flagged, until they win', async (t) => {
  const fixture = await start(t)
  const { dependencies, identity } = fixture
  const [loser, buyer] = [randomUUID(), randomUUID()]
  for (let count = 1; count <= NEVER_WINS_ITEMS_MIN; count += 1) {
    await consume(
      dependencies,
      sale(await createPublished(fixture, {}, identity.person()), buyer, [loser]),
    )
    await review(fixture)
    t.equal((await flags(fixture)).length, count < NEVER_WINS_ITEMS_MIN ? 0 : 1, `${count} lots`)
  }
  t.match(await flags(fixture), [{ kind: 'never_wins', userId: loser, details: { items: 10 } }])
  await consume(dependencies, sale(await createPublished(fixture), loser, [buyer]))
  await review(fixture)
  t.strictSame(await flags(fixture), [])
})

t.test('the latest lots are judged, however many there were before', async (t) => {
  const fixture = await start(t)
  const { pool } = fixture.database
  const [bidder, other] = [randomUUID(), randomUUID()]
  // The first lot was won, long ago.
  // Those of one millisecond are in no order yet.
  const ids = Array.from({ length: JUDGED_LOTS_MAX + 1 }, newId).sort()
  const lots = ids.map((id, index) => ({ id, buyer: index === 0 ? bidder : other }))
  await pool.query(
    `insert into items (id, seller_id, name, currency_code, start_price, start_date, original_end_date,
       end_date, status, terms_version, published_at, current_price, reserve_met, buy_now_available,
       buyer_id, end_price, outcome)
     select id, gen_random_uuid(), 'Silver spoon', 'USD', 100, now(), now() + interval '1 day', now(),
       'sold', 1, now(), 100, true, false, buyer, 100, 'sold'
     from json_to_recordset($1) as lot (id uuid, buyer uuid)`,
    [JSON.stringify(lots)],
  )
  await pool.query('insert into bidder_items (bidder_id, item_id) select $1, unnest($2::uuid[])', [
    bidder,
    lots.map(({ id }) => id),
  ])
  await pool.query('insert into bidder_checks (bidder_id, due_at) values ($1, now())', [bidder])
  await review(fixture)
  t.match(await flags(fixture), [
    { kind: 'never_wins', userId: bidder, details: { items: JUDGED_LOTS_MAX } },
  ])
})

t.test('a new account in the last seconds is flagged, extension or not', async (t) => {
  const fixture = await start(t)
  const { dependencies } = fixture
  const register = (userId: string) =>
    event(userRegistered, userId, { userId, name: 'A', email: 'a@example.test' })
  const now = Date.now()
  const at = (seconds: number) => new Date(now + seconds * 1_000).toISOString()
  const [late, extending, early, known, unclear] = Array.from({ length: 5 }, () => randomUUID())
  const [one, fromBid] = [
    await createPublished(fixture, { extensionDurationMinutes: 5 }),
    await createPublished(fixture, { extensionMode: 'from_bid' }),
  ]
  const bid = (userId = '', endsIn = 0, extended = false, itemId = one, sequence = 1) =>
    placed(itemId, sequence, {
      amount: '150.00',
      userId,
      timestamp: at(0),
      endDate: at(endsIn),
      extended,
    })
  const events = [
    ...[late, extending, early, unclear].map((id) => register(id ?? '')),
    bid(late, 40, false, one, 1),
    bid(extending, 30 + 300, true, one, 2),
    bid(early, 90 + 300, true, one, 3),
    bid(known, 40, false, one, 4),
    bid(unclear, 300, true, fromBid, 1),
  ]
  await consume(dependencies, events)
  await consume(dependencies, events)
  await review(fixture)
  const found = await flags(fixture, '?kind=new_account_last_seconds')
  t.strictSame(found.map(({ userId }) => userId).sort(), [late, extending].sort())
  t.ok(found.every(({ itemId }) => itemId === one))
  await fixture.database.pool.query(
    `update user_registrations set registered_at = registered_at - interval '8 days'`,
  )
  await fixture.database.pool.query(
    'insert into bidder_checks select distinct bidder_id, clock_timestamp() from late_bids',
  )
  await review(fixture)
  t.strictSame(await flags(fixture), [])
})

t.test("a bidder at the seller's address is flagged, and identity is asked again", async (t) => {
  const fixture = await start(t)
  const { dependencies, seller, addresses } = fixture
  const [friend, neighbour, buyer] = [randomUUID(), randomUUID(), randomUUID()]
  addresses.shared = [
    { userId: friend, otherId: seller.id },
    { userId: neighbour, otherId: randomUUID() },
  ]
  await consume(dependencies, sale(await createPublished(fixture), buyer, [friend, neighbour]))
  addresses.isDown = true
  await t.rejects(review(fixture), { code: 'service.unavailable' })
  t.strictSame(await flags(fixture), [])
  addresses.isDown = false
  t.equal(await review(fixture), 3, 'they are asked about again')
  t.match(await flags(fixture), [
    { kind: 'same_address', userId: friend, sellerId: seller.id, details: { items: 1 } },
  ])
  t.equal((await flags(fixture, '?kind=same_address')).length, 1)
  addresses.shared = []
  await consume(dependencies, sale(await createPublished(fixture), buyer, [friend]))
  await review(fixture)
  t.strictSame(await flags(fixture), [])
})

t.test(
  'while identity is down the other flags are computed, and those of shared addresses stay',
  async (t) => {
    const fixture = await start(t)
    const { dependencies, seller, database, addresses } = fixture
    const [friend, buyer] = [randomUUID(), randomUUID()]
    addresses.shared = [{ userId: friend, otherId: seller.id }]
    await consume(dependencies, sale(await createPublished(fixture), buyer, [friend]))
    await review(fixture)
    addresses.isDown = true
    for (let count = 1; count < ONE_SELLER_ITEMS_MIN; count += 1) {
      await consume(dependencies, sale(await createPublished(fixture), buyer, [friend]))
    }
    await t.rejects(review(fixture), { code: 'service.unavailable' })
    const found = (await flags(fixture)).filter(({ userId }) => userId === friend)
    t.same(found.map(({ kind }) => kind).sort(), ['only_one_seller', 'same_address'])
    t.equal(await reviewBidders(fixture), 0, 'not at once again')
    const { rows } = await database.pool.query('select bidder_id from bidder_checks')
    t.same(rows.map((row) => row.bidder_id).sort(), [friend, buyer].sort())
  },
)

t.test('an event that arrives during a review leads to another review', async (t) => {
  const fixture = await start(t)
  const { dependencies, db, database } = fixture
  const friend = randomUUID()
  const ids = [await createPublished(fixture), await createPublished(fixture)]
  await consume(dependencies, sale(ids[0] ?? '', randomUUID(), [friend]))
  await database.pool.query('update bidder_checks set due_at = clock_timestamp()')
  let consumed: Promise<void> | undefined
  await db.transaction().execute(async (tx) => {
    await takeDueBidders(tx, [friend])
    consumed = consume(dependencies, sale(ids[1] ?? '', randomUUID(), [friend]))
    await waitFor('the consumer to wait for the worker', async () => {
      const { rows } = await database.pool.query(
        `select 1 from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return rows.length > 0
    })
  })
  await consumed
  const { rows } = await database.pool.query('select 1 from bidder_checks where bidder_id = $1', [
    friend,
  ])
  t.equal(rows.length, 1)
})

t.test('a loss that was reviewed before the sale is reviewed again after it', async (t) => {
  const fixture = await start(t)
  const { dependencies, identity } = fixture
  const [loser, buyer] = [randomUUID(), randomUUID()]
  const consumeSales = async (count: number, isLost: (key: string) => boolean) => {
    for (; count > 0; count -= 1) {
      const itemId = await createPublished(fixture, {}, identity.person())
      const events = sale(itemId, buyer, [loser])
      await consume(
        dependencies,
        events.filter(({ key }) => isLost(key)),
      )
      await review(fixture)
      await consume(
        dependencies,
        events.filter(({ key }) => !isLost(key)),
      )
    }
  }
  await consumeSales(NEVER_WINS_ITEMS_MIN, (key) => key === 'bid.lost.v1')
  await review(fixture)
  t.match(await flags(fixture), [{ kind: 'never_wins', userId: loser }])
})

t.test('a registration that arrives after the bid flags the bidder', async (t) => {
  const fixture = await start(t)
  const userId = randomUUID()
  const itemId = await createPublished(fixture)
  const endDate = new Date(Date.now() + 30_000).toISOString()
  const timestamp = new Date().toISOString()
  await consume(fixture.dependencies, [
    placed(itemId, 1, { amount: '150.00', userId, timestamp, endDate }),
  ])
  await review(fixture)
  t.strictSame(await flags(fixture), [])
  const registered = { userId, name: 'A', email: 'a@example.test' }
  await consume(fixture.dependencies, [event(userRegistered, userId, registered)])
  await review(fixture)
  t.match(await flags(fixture), [{ kind: 'new_account_last_seconds', userId }])
})

t.test('a bidder who stands in one batch with several lots is queued once', async (t) => {
  const fixture = await start(t)
  const userId = randomUUID()
  const endDate = new Date(Date.now() + 30_000).toISOString()
  const timestamp = new Date().toISOString()
  const late = async () =>
    placed(await createPublished(fixture), 1, { amount: '150.00', userId, timestamp, endDate })
  const queued = async () => {
    const { rows } = await fixture.database.pool.query('select bidder_id from bidder_checks')
    await fixture.database.pool.query('delete from bidder_checks')
    return rows.map(({ bidder_id }) => bidder_id)
  }
  await consume(fixture.dependencies, [await late(), await late()])
  t.strictSame(await queued(), [userId], 'late bids')
  const lost = async () => {
    const [, , event] = sale(await createPublished(fixture), randomUUID(), [userId])
    return event as OutboxEvent
  }
  await consume(fixture.dependencies, [await lost(), await lost()])
  t.strictSame(await queued(), [userId], 'lost lots')
  const registered = { userId, name: 'A', email: 'a@example.test' }
  await consume(fixture.dependencies, [event(userRegistered, userId, registered)])
  t.strictSame(await queued(), [userId], 'a registration after two late bids')
})

t.test('an extension that the hard end cut short does not show the end before', async (t) => {
  const fixture = await start(t)
  const userId = randomUUID()
  const end = new Date(Date.now() + 2 * 3_600_000)
  const itemId = await createPublished(fixture, {
    endDate: end.toISOString(),
    extensionThresholdMinutes: 10,
    extensionDurationMinutes: 10,
    maxExtensionMinutes: 1,
  })
  const registered = { userId, name: 'A', email: 'a@example.test' }
  await consume(fixture.dependencies, [
    event(userRegistered, userId, registered),
    placed(itemId, 1, {
      amount: '150.00',
      userId,
      extended: true,
      timestamp: new Date(end.getTime() - 9 * 60_000).toISOString(),
      endDate: new Date(end.getTime() + 60_000).toISOString(),
    }),
  ])
  await review(fixture)
  t.strictSame(await flags(fixture), [])
})

t.test('sources that can make no flag any more are purged', async (t) => {
  const fixture = await start(t)
  const { database, db } = fixture
  const [fresh, old, ancient] = [randomUUID(), randomUUID(), randomUUID()]
  const ago = (days: number) => `clock_timestamp() - interval '${days} days'`
  await database.pool.query(`insert into user_registrations values ('${fresh}', ${ago(6)}),
    ('${old}', ${ago(20)}), ('${ancient}', ${ago(100)})`)
  await database.pool.query(`insert into late_bids values ('${fresh}', '${fresh}', ${ago(1)}),
    ('${old}', '${old}', ${ago(1)}), ('${ancient}', '${ancient}', ${ago(99)})`)
  const left = async (column: string, table: string) =>
    (await database.pool.query(`select ${column} as id from ${table}`)).rows.map(({ id }) => id)
  // A late bid or a registration that is recorded is reviewed.
  await database.pool.query(
    `insert into bidder_checks values ('${fresh}', now()), ('${old}', now())`,
  )
  t.equal(await review(fixture), 2)
  t.same((await left('bidder_id', 'late_bids')).sort(), [fresh, ancient].sort())
  await purgeReviewSources(db, 10)
  t.same(await left('bidder_id', 'late_bids'), [fresh])
  t.same((await left('user_id', 'user_registrations')).sort(), [fresh, old].sort())
})

t.test('flags are counted to a bound, by kind and in an index', async (t) => {
  const { pool } = (await build(t)).database
  await pool.query(
    `insert into review_flags (kind, user_id, subject_id, details)
     select kind, gen_random_uuid(), gen_random_uuid(), '{}'
     from (values ('never_wins', $1::int), ('same_address', 3)) as made (kind, flags),
       generate_series(1, flags)`,
    [FLAGS_COUNTED_MAX + 1],
  )
  await pool.query('vacuum analyze review_flags')
  const { db, take } = recordStatements(pool)
  t.same(Object.fromEntries(await countFlags(db)), {
    never_wins: FLAGS_COUNTED_MAX,
    same_address: 3,
    only_one_seller: 0,
    new_account_last_seconds: 0,
  })
  const [counted] = take()
  if (counted === undefined) throw new Error('nothing was asked')
  const plan = await explain(pool, counted)
  t.match(plan, /Limit .*\n.*Index Only Scan using review_flags_pkey on review_flags/)
  t.match(plan, 'Index Cond: (kind = wanted.kind)')
})

t.test('two workers at once make one flag, and only moderators see it', async (t) => {
  const fixture = await start(t)
  const { dependencies, seller } = fixture
  const friend = randomUUID()
  for (let count = 0; count < 3; count += 1) {
    await consume(dependencies, sale(await createPublished(fixture), randomUUID(), [friend]))
  }
  await fixture.database.pool.query('update bidder_checks set due_at = clock_timestamp()')
  const taken = await Promise.all([reviewBidders(fixture), reviewBidders(fixture)])
  t.equal(taken[0] + taken[1], 4)
  t.match(await flags(fixture), [{ userId: friend }])
  const path = '/api/v1/moderation/flags'
  t.equal((await call(fixture, 'GET', path)).statusCode, 401)
  t.match(await call(fixture, 'GET', path, { as: seller }), {
    statusCode: 403,
    body: { code: 'moderation.forbidden' },
  })
  const as = fixture.identity.person(['moderator'])
  for (const query of ['kind=x', 'limit=0', 'limit=101', 'page=0', 'user=1', 'kind=%00']) {
    t.equal((await call(fixture, 'GET', `${path}?${query}`, { as })).statusCode, 400, query)
  }
})
