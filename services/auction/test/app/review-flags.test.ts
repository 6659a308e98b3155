import { randomUUID } from 'node:crypto'
import { bidClosed, bidLost, bidWon } from '@auction/common/contracts/bid.ts'
import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import { userRegistered } from '@auction/common/contracts/identity.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { reviewBidders } from '#src/app/review-bidders.ts'
import { NEVER_WINS_ITEMS_MIN, ONE_SELLER_ITEMS_MIN } from '#src/domain/review-flags.ts'
import { takeDueBidders } from '#src/infra/postgres/review-flags.ts'
import { startAddresses } from '../addresses.ts'
import { consume, event, placed } from '../bid-history.ts'
import { build, call, createPublished, type Fixture } from '../helper.ts'

/** What bid tells when a lot was sold to one over others. */
function sale(itemId: string, buyerId: string, loserIds: string[]): OutboxEvent[] {
  const end = new Date().toISOString()
  const amount = { currencyCode: 'USD', finalAmount: '150.00' }
  return [
    event(
      bidClosed,
      itemId,
      {
        ...{ itemId, round: 1, outcome: 'sold', currentPrice: '150.00', bidCount: 2, sequence: 3 },
        ...{ reserveMet: true, endDate: end, closedAt: end, winnerId: buyerId, ...amount },
      },
      3,
    ),
    event(bidWon, itemId, { itemId, buyerId, ...amount, round: 1, sequence: 3 }, 3),
    event(bidLost, itemId, { itemId, userIds: loserIds, ...amount, round: 1, sequence: 3 }, 3),
  ]
}

/** Brings what is due half a minute later to now, on the database's clock. */
async function review({ db, database, sharersOf }: World): Promise<number> {
  await database.pool.query(`update bidder_checks set due_at = clock_timestamp()`)
  return reviewBidders({ db, sharersOf })
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

t.test('who only bids on one seller is flagged until bidding elsewhere', async (t) => {
  const fixture = await start(t)
  const { dependencies, seller, identity } = fixture
  const [friend, buyer] = [randomUUID(), randomUUID()]
  for (let count = 1; count <= ONE_SELLER_ITEMS_MIN; count += 1) {
    t.strictSame(await flags(fixture), [], `not with ${count - 1}`)
    const told = sale(await createPublished(fixture), buyer, [friend])
    await consume(dependencies, told)
    await consume(dependencies, told)
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

t.test('who never wins is flagged, and not any more after winning', async (t) => {
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
  const told = [
    ...[late, extending, early, unclear].map((id) => register(id ?? '')),
    bid(late, 40, false, one, 1),
    bid(extending, 30 + 300, true, one, 2),
    bid(early, 90 + 300, true, one, 3),
    bid(known, 40, false, one, 4),
    bid(unclear, 300, true, fromBid, 1),
  ]
  await consume(dependencies, told)
  await consume(dependencies, told)
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

t.test(
  'who logs in from where the seller does is flagged, and identity is asked again',
  async (t) => {
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
  },
)

t.test('while identity is away the other flags are worked out, and its own stay', async (t) => {
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
})

t.test('what becomes known while a worker takes a bidder is looked at afterwards', async (t) => {
  const fixture = await start(t)
  const { dependencies, db, database } = fixture
  const friend = randomUUID()
  const ids = [await createPublished(fixture), await createPublished(fixture)]
  await consume(dependencies, sale(ids[0] ?? '', randomUUID(), [friend]))
  await database.pool.query('update bidder_checks set due_at = clock_timestamp()')
  let told: Promise<void> | undefined
  await db.transaction().execute(async (tx) => {
    await takeDueBidders(tx, [friend])
    told = consume(dependencies, sale(ids[1] ?? '', randomUUID(), [friend]))
    await waitFor('the consumer to wait for the worker', async () => {
      const { rows } = await database.pool.query(
        `select 1 from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return rows.length > 0
    })
  })
  await told
  const { rows } = await database.pool.query('select 1 from bidder_checks where bidder_id = $1', [
    friend,
  ])
  t.equal(rows.length, 1)
})

t.test('two workers at once flag once, and only moderators see it', async (t) => {
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
