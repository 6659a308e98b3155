import { randomUUID } from 'node:crypto'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import t from 'tap'
import { dispatchNotices } from '#src/app/notices/dispatch-notices.ts'
import { createNoticeMetrics } from '#src/app/notices/metrics.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  closed,
  commented,
  created,
  expired,
  ids,
  lost,
  matched,
  outbid,
  permutations,
  placed,
  removed,
  won,
} from '#test/events.ts'
import { createWorld, giveAllBrowsers, HOLD_MS, type World } from '#test/helper.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Lets held notices become due and judges them. */
async function settle({ letTimePass, dispatch }: World) {
  await letTimePass(HOLD_MS)
  return dispatch()
}

const statesOf = async ({ notices }: World, userId?: string) =>
  (await notices(userId)).map(
    ({ template, sequence, state, reason }) => `${template} ${sequence} ${reason ?? state}`,
  )

const queuedOf = async ({ deliveries }: World, userId?: string) =>
  (await deliveries(userId)).map(
    ({ channel, sequence, state, reason }) => `${channel} ${sequence} ${reason ?? state}`,
  )

/** What a sender does: it takes the deliveries of a user that are queued, and sends them. */
const send = ({ database }: World, userId: string) =>
  database.pool.query(
    `update deliveries set state = 'sent', changed_at = clock_timestamp()
     where user_id = $1 and state = 'queued'`,
    [userId],
  )

t.test('a notice is shown with the name of its item, and queued for each way', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [seller, buyer, item] = ids()
  await world.consume([created(item, seller, 'A blue vase')])
  await world.consume([won(item, 5, buyer, seller)])
  t.equal(await world.dispatch(), 2)
  t.equal(await world.dispatch(), 0, 'once')
  const [notice] = await world.notices(buyer)
  t.match(notice, {
    state: 'shown',
    data: { itemId: item, itemName: 'A blue vase', amount: '20.00', currencyCode: 'EUR' },
  })
  t.same(await queuedOf(world, buyer), ['mail 5 queued', 'push 5 queued'])
  t.same(world.auction.asked, [], 'auction is not asked for what events have brought')
})

t.test('by default every kind goes the ways of its category', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [seller, user, other, item] = ids()
  await world.consume([
    outbid(item, 3, user),
    lost(item, 5, [user]),
    lost(item, 6, [user], { isSold: false }),
    matched(item, user),
    commented(item, other, user),
    expired(item, user),
    removed(item, user),
    won(item, 7, user, seller),
  ])
  await settle(world)
  const { rows } = await world.database.pool.query(
    `select template, string_agg(channel, ' ' order by channel) as channels,
       max(d.due_at) > max(d.changed_at) as "isLater"
     from deliveries d join notices n on n.id = notice_id where d.user_id = $1
     group by template order by template`,
    [user],
  )
  t.same(rows, [
    { template: 'item_removed', channels: 'mail', isLater: false },
    { template: 'outbid', channels: 'mail push', isLater: false },
    { template: 'question', channels: 'mail push', isLater: false },
    { template: 'search_matched', channels: 'mail', isLater: true },
    { template: 'unsold', channels: 'mail push', isLater: false },
    { template: 'won', channels: 'mail push', isLater: false },
  ])
  t.equal((await world.notices(user)).filter(({ state }) => state === 'shown').length, 8)
})

t.test(
  'an outbid notice waits ten seconds, and is dropped when its user leads again',
  async (t) => {
    const world = await createWorld(t)
    await giveAllBrowsers(world)
    const { pool } = world.database
    const [user, other, item] = ids()
    const before = (await pool.query<{ now: Date }>('select clock_timestamp() as now')).rows[0]?.now
    await world.consume([placed(item, 3, other), outbid(item, 3, user)])
    const { rows } = await pool.query(
      `select due_at between $1::timestamptz + interval '10 s' and clock_timestamp() + interval '10 s' as "isTen"
       from notices`,
      [before],
    )
    t.same(rows, [{ isTen: true }])
    // For longer than a busy machine takes to get there.
    await world.letTimePass(-HOUR_MS)
    t.equal(await world.dispatch(), 0, 'it waits')
    await world.letTimePass(HOUR_MS)
    await world.consume([placed(item, 4, user)])
    await settle(world)
    t.same(await statesOf(world, user), ['outbid 3 leads_again'])
    t.same(await queuedOf(world, user), [])
  },
)

t.test('in every order of its events an outbid notice comes to the same end', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const endings = [
    { name: 'leads again', states: ['outbid 3 leads_again'] },
    { name: 'another leads', states: ['outbid 3 shown'] },
    { name: 'outbid again', states: ['outbid 3 superseded', 'outbid 5 shown'] },
    { name: 'closed', states: ['outbid 3 lot_closed'] },
  ]
  for (const { name, states } of endings) {
    for (const order of permutations([0, 1, 2])) {
      const [user, other, third, item] = ids()
      const last = {
        'leads again': placed(item, 4, user),
        'another leads': placed(item, 4, third),
        'outbid again': outbid(item, 5, user),
        closed: closed(item, 4, { winnerId: third }),
      }[name]
      const events = [placed(item, 3, other), outbid(item, 3, user), last].flatMap(
        (one) => one ?? [],
      )
      for (const at of order) await world.consume(events.slice(at, at + 1))
      for (const at of order) await world.consume(events.slice(at, at + 1))
      await settle(world)
      t.same(await statesOf(world, user), states, `${name} ${order.join(' ')}`)
    }
  }
})

t.test('a later outbid notice takes the place of the one before, shown or not', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [user, item, otherItem] = ids()
  await world.consume([outbid(item, 3, user), outbid(otherItem, 3, user)])
  await settle(world)
  await world.consume([outbid(item, 7, user)])
  // An event that was under way for long.
  await world.consume([outbid(item, 5, user)])
  await settle(world)
  t.same((await statesOf(world, user)).sort(), [
    'outbid 3 shown',
    'outbid 3 superseded',
    'outbid 5 superseded',
    'outbid 7 shown',
  ])
  t.same((await queuedOf(world, user)).sort(), [
    'mail 3 queued',
    'mail 3 superseded',
    'mail 7 queued',
    'push 3 queued',
    'push 3 superseded',
    'push 7 queued',
  ])
})

t.test(
  'a burst on one lot is one notice and one mail in ten minutes, of the last state',
  async (t) => {
    const world = await createWorld(t)
    await giveAllBrowsers(world)
    const [user, item] = ids()
    const waits: number[] = []
    for (let sequence = 1; sequence <= 12; sequence += 1) {
      await world.consume([outbid(item, sequence, user)])
      await settle(world)
      const due = (await world.deliveries(user)).filter(({ state }) => state === 'queued')
      t.same(
        due.map((delivery) => delivery.sequence),
        [sequence, sequence],
        'only the last one is open',
      )
      const { rows } = await world.database.pool.query<{ now: Date }>(
        'select clock_timestamp() as now',
      )
      const waitMs = (due[0]?.dueAt.getTime() ?? 0) - (rows[0]?.now.getTime() ?? 0)
      waits.push(Math.ceil(waitMs / MINUTE_MS))
      if (waitMs <= 0) await send(world, user)
      await world.letTimePass(2 * MINUTE_MS - HOLD_MS)
    }
    // Sent at 0, 10 and 20 minutes; between them each new one is due when the ten minutes are over.
    t.same(waits, [0, 8, 6, 4, 2, 0, 8, 6, 4, 2, 0, 8])
    t.equal((await statesOf(world, user)).filter((state) => state.endsWith('shown')).length, 1)
  },
)

t.test('a delivery whose sending has begun counts as sent', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [user, item] = ids()
  await world.consume([outbid(item, 1, user)])
  await settle(world)
  // A sender claims the mail and is not done yet.
  const sender = await world.database.pool.connect()
  await sender.query('begin')
  await sender.query(
    `update deliveries set state = 'sending', changed_at = clock_timestamp()
     where user_id = $1 and channel = 'mail'`,
    [user],
  )
  await world.consume([outbid(item, 2, user)])
  await world.database.pool.query(`update notices set due_at = clock_timestamp() - interval '1 s'
    where state = 'pending'`)
  const dispatching = world.dispatch()
  await sender.query('commit')
  sender.release()
  await dispatching
  t.same((await queuedOf(world, user)).sort(), [
    'mail 1 sending',
    'mail 2 queued',
    'push 1 superseded',
    'push 2 queued',
  ])
  const { rows } = await world.database.pool.query(
    `select channel, due_at > clock_timestamp() + interval '9 minutes' as waits from deliveries
     where state = 'queued' order by channel`,
  )
  t.same(rows, [
    { channel: 'mail', waits: true },
    { channel: 'push', waits: false },
  ])
})

t.test('what a user chose decides when deliveries are due', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const { pool } = world.database
  const [user, quiet, item, seller] = ids()
  await pool.query(
    `insert into preferences values ($1, 'bidding', 'mail', 'weekly'), ($1, 'bidding', 'push', 'off'),
       ($1, 'purchases', 'push', 'daily')`,
    [user],
  )
  await pool.query(`insert into readers (user_id, time_zone) values ($1, 'Asia/Kathmandu')`, [user])
  // Quiet for the whole day but its last minute, by the clocks of UTC.
  await pool.query(`insert into readers (user_id, quiet_from, quiet_until) values ($1, 0, 1439)`, [
    quiet,
  ])
  await world.consume([
    outbid(item, 3, user),
    won(item, 4, user, seller),
    outbid(item, 3, quiet),
    won(randomUUID(), 4, quiet, seller),
  ])
  await settle(world)
  // It may be eight o'clock by now: what counts is when a delivery was queued.
  const { rows } = await pool.query(
    `select template, channel, d.due_at <= d.changed_at as "isNow",
       to_char(d.due_at at time zone 'Asia/Kathmandu', 'HH24:MI') as time,
       extract(isodow from d.due_at at time zone 'Asia/Kathmandu')::int as weekday
     from deliveries d join notices n on n.id = notice_id where d.user_id = $1
     order by template, channel`,
    [user],
  )
  t.match(rows, [
    { template: 'outbid', channel: 'mail', time: '08:00', weekday: 1, isNow: false },
    { template: 'won', channel: 'mail', isNow: true },
    { template: 'won', channel: 'push', time: '08:00', isNow: false },
  ])
  t.equal(rows.length, 3)
  const held = await pool.query(
    `select template, channel, to_char(d.due_at at time zone 'UTC', 'HH24:MI') as time
     from deliveries d join notices n on n.id = notice_id
     where d.user_id = $1 and d.due_at > d.changed_at order by template, channel`,
    [quiet],
  )
  // In the one minute of the day that is not quiet nothing is held.
  if (held.rows.length > 0) {
    t.same(held.rows, [
      { template: 'outbid', channel: 'mail', time: '23:59' },
      { template: 'outbid', channel: 'push', time: '23:59' },
      { template: 'won', channel: 'push', time: '23:59' },
    ])
  }
})

t.test('events of a week ago are sent to no one, and what is about money is shown', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [seller, user, item] = ids()
  const weekAgo = new Date(Date.now() - 7 * DAY_MS - HOUR_MS)
  await world.consume([
    outbid(item, 3, user, { at: weekAgo }),
    lost(item, 5, [user], { at: weekAgo }),
    expired(item, user, { at: weekAgo }),
    won(item, 5, user, seller, { at: weekAgo }),
    removed(item, user, { at: new Date(Date.now() - 31 * DAY_MS) }),
  ])
  await settle(world)
  t.same(await statesOf(world, user), [
    'item_removed 5 shown',
    'lost 5 outdated',
    'outbid 3 outdated',
    'unsold 5 outdated',
    'won 5 shown',
  ])
  t.same(
    await queuedOf(world, user),
    ['mail 5 queued', 'push 5 queued'],
    'a win is late at 30 days',
  )
})

t.test('a lot without a sale is explained by its closing, whichever comes first', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  for (const order of permutations([0, 1])) {
    const [user, item] = ids()
    const events = [
      lost(item, 5, [user], { isSold: false }),
      closed(item, 5, { outcome: 'reserve_not_met' }),
    ]
    for (const at of order) await world.consume(events.slice(at, at + 1))
    await settle(world)
    t.match(await world.notices(user), [{ state: 'shown', data: { reason: 'reserve_not_met' } }])
  }
})

t.test('items from before this service are asked of auction, some at once', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [user, seller] = ids()
  const items = Array.from({ length: 150 }, () => randomUUID())
  const unknown = randomUUID()
  for (const id of items) {
    world.auction.items.set(id, {
      id,
      sellerId: seller,
      name: `Item ${id}`,
      currencyCode: 'EUR',
      sequence: 3,
    })
  }
  await world.consume([...items, unknown].map((item) => expired(item, user)))
  t.equal(await world.dispatch(), 151)
  t.same(
    world.auction.asked.map((asked) => asked.length),
    [100, 51],
  )
  for (const { aggregateId, state, data } of await world.notices(user)) {
    t.equal(state, 'shown')
    t.equal(data.itemName, aggregateId === unknown ? undefined : `Item ${aggregateId}`)
  }
  await world.consume([commented(items[0] ?? '', seller, user)])
  await world.dispatch()
  t.equal(world.auction.asked.length, 2, 'what is known is not asked again')
})

t.test(
  'while auction is away only notices of items without a name wait, and not for ever',
  async (t) => {
    const world = await createWorld(t)
    await giveAllBrowsers(world)
    const [user, seller, known, foreign] = ids()
    world.auction.mode = 'down'
    await world.consume([created(known, seller, 'A vase')])
    await world.consume([expired(known, user), expired(foreign, user)])
    await t.rejects(world.dispatch(), { code: 'service.unavailable' })
    t.same(
      (await world.notices(user)).map(({ aggregateId, state }) => [aggregateId, state]).sort(),
      [
        [known, 'shown'],
        [foreign, 'pending'],
      ].sort(),
    )
    t.equal(await world.dispatch(), 0, 'it is postponed')
    await world.letTimePass(MINUTE_MS)
    await t.rejects(world.dispatch(), { code: 'service.unavailable' })
    await world.letTimePass(10 * MINUTE_MS)
    await t.rejects(world.dispatch(), { code: 'service.unavailable' })
    const [waited] = (await world.notices(user)).filter(
      ({ aggregateId }) => aggregateId === foreign,
    )
    t.match(waited, { state: 'shown', data: { itemId: foreign } })
  },
)

t.test('several workers at once make exactly one delivery for each way', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [item, seller] = ids()
  const users = Array.from({ length: 300 }, () => randomUUID())
  await world.consume(users.map((user, index) => won(randomUUID(), index, user, seller)))
  await world.consume([
    ...users.map((user) => outbid(item, 3, user)),
    placed(item, 4, users[0] ?? ''),
  ])
  await world.letTimePass(HOLD_MS)
  const run = async () => {
    const db = createDatabase<Database>(world.database.createPool(2))
    let total = 0
    for (;;) {
      const judged = await dispatchNotices({ db, itemsOf: world.itemsOf }, 20)
      if (judged === 0) return total
      total += judged
    }
  }
  const judged = await Promise.all([run(), run(), run()])
  t.equal(
    judged.reduce((sum, count) => sum + count),
    900,
  )
  const { rows } = await world.database.pool.query(
    `select template, channel, count(*)::int as count from deliveries
     join notices on notices.id = notice_id group by 1, 2 order by 1, 2`,
  )
  t.same(rows, [
    { template: 'outbid', channel: 'mail', count: 299 },
    { template: 'outbid', channel: 'push', count: 299 },
    { template: 'sold', channel: 'mail', count: 300 },
    { template: 'sold', channel: 'push', count: 300 },
    { template: 'won', channel: 'mail', count: 300 },
    { template: 'won', channel: 'push', count: 300 },
  ])
})

t.test('a worker does not wait for notices that another one has taken', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [user, seller, item] = ids()
  await world.consume([won(item, 5, user, seller)])
  const other = await world.database.pool.connect()
  await other.query('begin')
  await other.query('select from notices where user_id = $1 for update', [user])
  t.equal(await world.dispatch(), 1)
  await other.query('rollback')
  other.release()
  t.equal(await world.dispatch(), 1)
})

t.test('a notice whose dispatcher died is judged by the next one', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [user, seller, item] = ids()
  await world.consume([won(item, 5, user, seller)])
  await world.database.pool.query(`create function fail() returns trigger language plpgsql as $$
    begin raise exception 'the power is off'; end $$`)
  await world.database.pool.query(`create trigger fail before insert on deliveries
    for each row execute function fail()`)
  await t.rejects(world.dispatch(), /the power is off/)
  t.same(await statesOf(world), ['sold 5 pending', 'won 5 pending'])
  await world.database.pool.query('drop trigger fail on deliveries')
  t.equal(await world.dispatch(), 2)
  t.equal((await world.deliveries()).length, 4)
})

t.test('a notice of a user who left by a way that is not known is deleted', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [user, item, seller] = ids()
  await world.consume([won(item, 5, user, seller)])
  await world.database.pool.query('insert into departed_users (user_id) values ($1)', [user])
  await world.dispatch()
  t.same(await statesOf(world), ['sold 5 shown'])
})

t.test('notices of a newer version are left to it', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const [user, item, seller] = ids()
  await world.consume([won(item, 5, user, seller)])
  await world.database.pool.query(
    `update notices set template = 'of_tomorrow' where template = 'won'`,
  )
  t.equal(await world.dispatch(), 1)
  t.same(await statesOf(world, user), ['of_tomorrow 5 pending'])
})

t.test('what became of notices is counted', async (t) => {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const { db, itemsOf } = world
  const [user, seller, item] = ids()
  const registry = createRegistry('notification')
  const metrics = createNoticeMetrics(registry)
  await world.consume([won(item, 5, user, seller), outbid(item, 3, user)])
  await world.consume([closed(item, 5)])
  await world.letTimePass(HOLD_MS)
  await dispatchNotices({ db, itemsOf, metrics })
  const text = await registry.metrics()
  t.match(text, /notification_notices_total\{.*template="won",outcome="shown".*\} 1/)
  t.match(text, /notification_notices_total\{.*template="outbid",outcome="lot_closed".*\} 1/)
  t.match(text, /notification_dispatch_seconds_count\{?.*\}? 1/)
})
