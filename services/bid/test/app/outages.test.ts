import { randomUUID } from 'node:crypto'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { buildApi } from '#src/app/api.ts'
import { createBidEvents } from '#src/app/bid-events.ts'
import { CLOSING_GRACE_MS, closeDueLots } from '#src/app/close-lots.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { readApiConfig } from '#src/config.ts'
import { outagesBetween } from '#src/domain/outage.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import {
  purgeBiddingPeriods,
  readBiddingPeriods,
  readLastProof,
  recordProof,
} from '#src/infra/postgres/outages.ts'
import { readClosingBacklog } from '#src/infra/postgres/results.ts'
import { createWorld, OUTAGE_EXTENSION_MS, serviceHeaders, type World } from '#test/helper.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** The database's clock, in whole milliseconds. */
async function clockOf({ pool }: World): Promise<number> {
  const { rows } = await pool.query<{ now: number }>(
    'select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as now',
  )
  return rows[0]?.now ?? 0
}

/** Replaces what is known of when bids could be placed. */
async function setPeriods({ pool }: World, periods: readonly (readonly [number, number])[]) {
  await pool.query('delete from bidding_periods')
  for (const [since, until] of periods) {
    await pool.query('insert into bidding_periods (since, until) values ($1, $2)', [
      new Date(since),
      new Date(until),
    ])
  }
}

/** Bids can be placed, but not between these two instants. */
const setOutage = (world: World, fromMs: number, untilMs: number, nowMs: number) =>
  setPeriods(world, [
    [fromMs - 60 * DAY_MS, fromMs],
    [untilMs, nowMs],
  ])

/** Moves a lot and everything in its ledger, as if all of it had happened at another time. */
async function moveTo({ pool }: World, itemId: string, endsAtMs: number): Promise<void> {
  const { rows } = await pool.query<{ ms: number }>(
    `select $2 - (extract(epoch from ends_at) * 1000)::float8 as ms from lots where item_id = $1`,
    [itemId, endsAtMs],
  )
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('alter table bids disable trigger user')
    for (const [table, columns] of [
      ['lots', ['starts_at', 'ends_at', 'original_ends_at', 'hard_ends_at', 'last_decided_at']],
      ['bids', ['ends_at', 'decided_at', 'recorded_at']],
    ] as const) {
      const moved = columns.map((column) => `${column} = ${column} + $2 * interval '1 ms'`)
      await client.query(`update ${table} set ${moved.join(', ')} where item_id = $1`, [
        itemId,
        rows[0]?.ms,
      ])
    }
    await client.query('alter table bids enable trigger user')
    await client.query('commit')
  } finally {
    client.release()
  }
}

async function putLot(world: World, endsAtMs: number, bids: string[] = [], terms = {}) {
  const { itemId } = await world.putTerms(terms)
  for (const amount of bids) await world.bid(itemId, randomUUID(), amount)
  await moveTo(world, itemId, endsAtMs)
  return itemId
}

interface LotState {
  phase: string
  outcome: string | null
  endsAtMs: number
  isExtended: boolean
  extensions: number
  extendedEvents: number
  closedEvents: number
}

async function stateOf({ pool }: World, itemId: string): Promise<LotState> {
  const { rows } = await pool.query<LotState>(
    `select phase, outcome, (extract(epoch from ends_at) * 1000)::float8 as "endsAtMs",
       outage_extended_at is not null as "isExtended",
       (select count(*)::int from outage_extensions o where o.item_id = lots.item_id) as extensions,
       (select count(*)::int from outbox, json_array_elements(events) e
         where e->>'aggregateId' = $1::text and e->>'key' = 'bid.extended.v1') as "extendedEvents",
       (select count(*)::int from outbox, json_array_elements(events) e
         where e->>'aggregateId' = $1::text and e->>'key' = 'bid.closed.v1') as "closedEvents"
     from lots where item_id = $1::uuid`,
    [itemId],
  )
  const [row] = rows
  if (row === undefined) throw new Error(`no lot ${itemId}`)
  return row
}

const EXTENDED_ONCE = {
  phase: 'open',
  isExtended: true,
  extensions: 1,
  extendedEvents: 1,
  closedEvents: 0,
}
const CLOSED_AS_EVER = {
  phase: 'closed',
  isExtended: false,
  extensions: 0,
  extendedEvents: 0,
  closedEvents: 1,
}

const violationsOf = async ({ db }: World) => (await verifyLots(db, createBidSettings())).violations

/** A generator of the same numbers in every run. */
function createRandom(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state % limit
  }
}

/** A gap in which no bid could be placed; its instants count from the end of a lot. */
interface Gap {
  fromMs: number
  lastsMs: number
}

const mustExtend = ({ fromMs, lastsMs }: Gap) =>
  lastsMs > 60_000 && fromMs < 0 && fromMs + lastsMs > -5 * MINUTE_MS

/** The bounds of the rule, and gaps at random around them. */
function gaps(count: number): Gap[] {
  const beforeMs = -5 * MINUTE_MS
  const atBounds: Gap[] = [
    { fromMs: -2 * MINUTE_MS, lastsMs: 59_000 },
    { fromMs: -2 * MINUTE_MS, lastsMs: 60_000 },
    { fromMs: -2 * MINUTE_MS, lastsMs: 60_001 },
    { fromMs: -2 * MINUTE_MS, lastsMs: 61_000 },
    { fromMs: beforeMs - 2 * MINUTE_MS, lastsMs: 2 * MINUTE_MS },
    { fromMs: beforeMs - 2 * MINUTE_MS, lastsMs: 2 * MINUTE_MS - 1 },
    { fromMs: beforeMs - 2 * MINUTE_MS, lastsMs: 2 * MINUTE_MS + 1 },
    { fromMs: beforeMs - 1, lastsMs: 5 * MINUTE_MS + 2 },
    { fromMs: -1, lastsMs: 60_001 },
    { fromMs: -1, lastsMs: 60_000 },
    { fromMs: 0, lastsMs: 10 * MINUTE_MS },
    { fromMs: 1, lastsMs: 10 * MINUTE_MS },
    { fromMs: -20 * MINUTE_MS, lastsMs: 40 * MINUTE_MS },
  ]
  const random = createRandom(4)
  const others = Array.from({ length: count - atBounds.length }, () => {
    const isNearAMinute = random(2) === 0
    return {
      fromMs: random(12 * MINUTE_MS) - 10 * MINUTE_MS,
      lastsMs: isNearAMinute ? 58_000 + random(4_001) : random(15 * MINUTE_MS),
    }
  })
  return [...atBounds, ...others]
}

t.test(
  'of a hundred outages exactly those over the last minutes extend their lot, once',
  async (t) => {
    const world = await createWorld(t)
    const nowMs = await clockOf(world)
    const lots = await Promise.all(
      gaps(100).map(async (gap, index) => {
        // An hour apart, so that each lot has an outage of its own in one history.
        const endsAtMs = nowMs - (index + 1) * HOUR_MS
        return { gap, endsAtMs, itemId: '' }
      }),
    )
    for (const [index, lot] of lots.entries()) {
      const bids = ['20.00', '15.00', '30.00'].slice(0, index % 4)
      lot.itemId = await putLot(world, lot.endsAtMs, bids)
    }
    const ascending = lots.toReversed()
    await setPeriods(
      world,
      [...ascending, undefined].map((lot, index) => {
        const former = ascending[index - 1]
        const sinceMs =
          former === undefined
            ? nowMs - 90 * DAY_MS
            : former.endsAtMs + former.gap.fromMs + former.gap.lastsMs
        return [sinceMs, lot === undefined ? nowMs : lot.endsAtMs + lot.gap.fromMs] as const
      }),
    )
    t.strictSame(await violationsOf(world), [], 'the ledgers were right before')

    await Promise.all(Array.from({ length: 4 }, () => world.close()))
    for (const { gap, itemId } of lots) {
      const state = await stateOf(world, itemId)
      const name = `from ${gap.fromMs} ms of the end for ${gap.lastsMs} ms`
      t.match(state, mustExtend(gap) ? EXTENDED_ONCE : CLOSED_AS_EVER, name)
      if (!mustExtend(gap)) continue
      t.ok(state.endsAtMs >= nowMs + OUTAGE_EXTENSION_MS, 'the whole extension lies ahead')
    }
    const extended = lots.filter(({ gap }) => mustExtend(gap)).length
    t.ok(extended >= 20 && extended <= 80, `${extended} of 100 were to be extended`)
    t.strictSame(await violationsOf(world), [])

    t.equal(await world.close(), 0)
    for (const { gap, itemId } of lots) {
      t.match(await stateOf(world, itemId), mustExtend(gap) ? EXTENDED_ONCE : CLOSED_AS_EVER)
    }
  },
)

t.test(
  'a lot whose end comes while the outage lasts is extended when bids can be placed',
  async (t) => {
    const world = await createWorld(t)
    const nowMs = await clockOf(world)
    const ann = randomUUID()
    const terms = {
      extensionThresholdMinutes: 20,
      extensionDurationMinutes: 5,
      maxExtensionMinutes: 5,
    }
    const itemId = await putLot(world, nowMs - 20 * SECOND_MS, ['20.00'], terms)
    await setPeriods(world, [[nowMs - DAY_MS, nowMs - 90 * SECOND_MS]])
    t.equal(await world.close(), 0)
    t.match(await stateOf(world, itemId), { phase: 'open', isExtended: false, extendedEvents: 0 })
    t.match(await world.bid(itemId, ann, '30.00'), { body: { code: 'bid.ended' } })

    await recordProof(world.pool)
    t.equal(await world.close(), 0)
    const extended = await stateOf(world, itemId)
    t.match(extended, EXTENDED_ONCE)
    const lot = await world.lot(itemId)
    t.match(lot, { phase: 'open', extensionCount: 1, outageExtendedAt: /^2/ })
    t.equal(
      Date.parse(String(lot.hardEndDate)) - Date.parse(String(lot.endDate)),
      5 * MINUTE_MS,
      'bids may move the end as far as before',
    )
    const { rows } = await world.pool.query(
      `select e->'envelope'->'payload' as payload from outbox, json_array_elements(events) e
      where e->>'key' = 'bid.extended.v1'`,
    )
    t.match(rows[0].payload, {
      itemId,
      reason: 'outage',
      outageFrom: new Date(nowMs - 90 * SECOND_MS).toISOString(),
      previousEndDate: new Date(nowMs - 20 * SECOND_MS).toISOString(),
      originalEndDate: new Date(nowMs - 20 * SECOND_MS).toISOString(),
      endDate: new Date(extended.endsAtMs).toISOString(),
      extensionCount: 1,
      sequence: 2,
    })
    t.match(await world.bid(itemId, ann, '30.00'), {
      statusCode: 201,
      body: { outcome: 'leading' },
    })
    t.strictSame(await violationsOf(world), [])
  },
)

t.test('a lot is closed only after a proof that is younger than its end', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const itemId = await putLot(world, nowMs - 10 * SECOND_MS)
  await setPeriods(world, [[nowMs - DAY_MS, nowMs - 20 * SECOND_MS]])
  t.equal(await world.close(), 0, 'an outage may have begun before the end')
  await recordProof(world.pool)
  t.equal(await world.close(), 1, 'it was none')
  t.match(await stateOf(world, itemId), CLOSED_AS_EVER)
})

t.test('a lot that was extended is closed at its new end, also after another outage', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const itemId = await putLot(world, nowMs - MINUTE_MS, ['20.00'])
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - 30 * SECOND_MS, nowMs)
  await world.close()
  const { endsAtMs } = await stateOf(world, itemId)
  await world.shiftLot(itemId, nowMs - 10 * SECOND_MS - endsAtMs)
  await setOutage(world, nowMs - 2 * MINUTE_MS, nowMs - 5 * SECOND_MS, nowMs)
  t.equal(await world.close(), 1)
  t.match(await stateOf(world, itemId), {
    phase: 'closed',
    outcome: 'sold',
    extensions: 1,
    extendedEvents: 1,
    closedEvents: 1,
  })
  t.match(await world.lot(itemId), { extensionCount: 1 })
})

t.test('after an outage lots are extended before their end, and others are not', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const soon = await putLot(world, nowMs + 3 * MINUTE_MS)
  const later = await putLot(world, nowMs + 6 * MINUTE_MS)
  const notStarted = await putLot(world, nowMs + 4 * MINUTE_MS)
  await world.pool.query('update lots set starts_at = $2 where item_id = $1', [
    notStarted,
    new Date(nowMs),
  ])
  const before = await stateOf(world, soon)
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - SECOND_MS, nowMs)
  t.equal(await world.close(), 0)
  const after = await stateOf(world, soon)
  t.match(after, EXTENDED_ONCE)
  t.ok(after.endsAtMs > before.endsAtMs)
  for (const itemId of [later, notStarted]) {
    t.match(await stateOf(world, itemId), { phase: 'open', isExtended: false })
  }
})

t.test('on a new platform nothing is known of outages, and lots are closed', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const early = await putLot(world, nowMs - 10 * MINUTE_MS)
  t.equal(await world.close(), 1)
  t.match(await stateOf(world, early), CLOSED_AS_EVER)
  const itemId = await putLot(world, nowMs - 10 * MINUTE_MS)
  await recordProof(world.pool)
  t.equal(await world.close(), 1)
  t.match(await stateOf(world, itemId), CLOSED_AS_EVER)
})

t.test(
  'after a week without the platform all lots are extended, and end at different times',
  async (t) => {
    const world = await createWorld(t)
    const nowMs = await clockOf(world)
    const lots: string[] = []
    for (let index = 0; index < 50; index += 1) {
      lots.push(await putLot(world, nowMs - (index + 1) * 3 * HOUR_MS))
    }
    await setPeriods(world, [[nowMs - 60 * DAY_MS, nowMs - 7 * DAY_MS]])
    await recordProof(world.pool)
    t.equal(await world.close(), 0)
    const states = await Promise.all(lots.map((itemId) => stateOf(world, itemId)))
    for (const state of states) t.match(state, EXTENDED_ONCE)
    const seconds = states.map(({ endsAtMs }) => Math.floor(endsAtMs / SECOND_MS))
    t.ok(new Set(seconds).size >= 40, 'hardly two end in the same second')
    t.strictSame(await violationsOf(world), [])
  },
)

t.test('ten closers at once extend each of fifty lots exactly once', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const lots: string[] = []
  for (let index = 0; index < 50; index += 1) {
    lots.push(await putLot(world, nowMs - MINUTE_MS - index, index % 2 === 0 ? ['20.00'] : []))
  }
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - 30 * SECOND_MS, nowMs)
  const closed = await Promise.all(Array.from({ length: 10 }, () => world.close()))
  t.strictSame(new Set(closed), new Set([0]))
  for (const itemId of lots) t.match(await stateOf(world, itemId), EXTENDED_ONCE)
  t.strictSame(await violationsOf(world), [])
})

t.test('bids that race with the extension leave a ledger that adds up', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const lots: string[] = []
  for (let index = 0; index < 20; index += 1) {
    // Half of them have not ended: bids and the extension are both possible.
    lots.push(
      await putLot(world, nowMs + (index % 2 === 0 ? -MINUTE_MS : 2 * MINUTE_MS), ['20.00']),
    )
  }
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - SECOND_MS, nowMs)
  const bids = lots.flatMap((itemId, index) =>
    Array.from({ length: 5 }, (_, at) => world.bid(itemId, randomUUID(), `${30 + index + at}.00`)),
  )
  const [answers] = await Promise.all([Promise.all(bids), world.close(), world.close()])
  t.ok(answers.some(({ statusCode }) => statusCode === 201))
  await world.close()
  for (const itemId of lots) t.match(await stateOf(world, itemId), EXTENDED_ONCE)
  t.strictSame(await violationsOf(world), [])
})

t.test('silent raises before and after an extension take no sequence beside it', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  const ann = randomUUID()
  for (const amount of ['20.00', '30.00']) await world.bid(itemId, ann, amount)
  const nowMs = await clockOf(world)
  await moveTo(world, itemId, nowMs - MINUTE_MS)
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - SECOND_MS, nowMs)
  await world.close()
  t.match(await stateOf(world, itemId), EXTENDED_ONCE)
  t.match(await world.lot(itemId), { bidCount: 1, sequence: 2 })
  await world.bid(itemId, ann, '40.00')
  t.match(await world.lot(itemId), { bidCount: 1, sequence: 2 })
  t.match(await world.bid(itemId, randomUUID(), '35.00'), { body: { outcome: 'outbid' } })
  t.match(await world.lot(itemId), { bidCount: 2, sequence: 3 })
  const { rows } = await world.pool.query<Record<string, unknown>>(
    `select sequence::int, silent_raise from bids
     where item_id = $1 and kind <> 'auto' order by sequence, silent_raise`,
    [itemId],
  )
  t.strictSame(
    rows.map((row) => [row.sequence, row.silent_raise]),
    [
      [1, 0],
      [1, 1],
      [2, 2],
      [3, 0],
    ],
  )
  t.strictSame(await violationsOf(world), [])
})

t.test('a bid that waits for a lot while it is extended counts', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const itemId = await putLot(world, nowMs - MINUTE_MS, ['20.00'])
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - 30 * SECOND_MS, nowMs)
  // The extension is not committed yet: its own transaction is held by the lock of its outbox table.
  const blocker = await world.pool.connect()
  await blocker.query('begin')
  await blocker.query('lock table outage_extensions in access exclusive mode')
  const closing = world.close()
  await world.waitForLocks(1)
  const waiting = world.bid(itemId, randomUUID(), '40.00')
  await world.waitForLocks(2)
  await blocker.query('commit')
  blocker.release()
  await closing
  t.match(await waiting, { statusCode: 201, body: { outcome: 'leading' } })
  t.match(await stateOf(world, itemId), EXTENDED_ONCE)
  t.strictSame(await violationsOf(world), [])
})

t.test('cancelled lots and closed lots are never extended', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const closed = await putLot(world, nowMs - MINUTE_MS)
  t.equal(await world.close(), 1)
  const { body, itemId: cancelled } = await world.putTerms()
  t.match(body, { outcome: 'created' })
  const { rows } = await world.pool.query(
    `update lots set phase = 'cancelled', outcome = 'cancelled', sequence = sequence + 1
      where item_id = $1 returning item_id`,
    [cancelled],
  )
  t.equal(rows.length, 1)
  await moveTo(world, cancelled, nowMs - MINUTE_MS)
  const ahead = await putLot(world, nowMs + MINUTE_MS)
  await world.pool.query(
    `update lots set phase = 'cancelled', outcome = 'cancelled' where item_id = $1`,
    [ahead],
  )
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - 30 * SECOND_MS, nowMs)
  t.equal(await world.close(), 0)
  t.match(await stateOf(world, closed), CLOSED_AS_EVER)
  for (const itemId of [cancelled, ahead]) {
    t.match(await stateOf(world, itemId), {
      phase: 'cancelled',
      isExtended: false,
      extendedEvents: 0,
    })
  }
})

t.test('a seller may edit a lot without bids after an outage, and its end stays', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const { itemId } = await world.putTerms()
  await moveTo(world, itemId, nowMs - MINUTE_MS)
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - 30 * SECOND_MS, nowMs)
  await world.close()
  const { endsAtMs } = await stateOf(world, itemId)
  const { rows } = await world.pool.query(
    `select seller_id as "sellerId", starts_at as "startDate", original_ends_at as "endDate"
      from lots where item_id = $1`,
    [itemId],
  )
  const [{ sellerId, startDate, endDate }] = rows
  const edited = await world.putTerms({
    itemId,
    sellerId,
    startDate: startDate.toISOString(),
    endDate: endDate.toISOString(),
    termsVersion: 2,
    startPrice: '5.00',
  })
  t.match(edited.body, { outcome: 'replaced' })
  t.match(await stateOf(world, itemId), { ...EXTENDED_ONCE, endsAtMs })
  t.match(await world.lot(itemId), { startPrice: '5.00', phase: 'open' })
  t.equal((await world.bid(itemId, randomUUID(), '6.00')).statusCode, 201)
  t.strictSame(await violationsOf(world), [])
  const cheaper = await world.app.inject({
    method: 'PUT',
    url: `/internal/v1/lots/${itemId}/terms`,
    headers: serviceHeaders(world.identity),
    payload: {
      ...(await termsOf(world, itemId)),
      termsVersion: 3,
    },
  })
  t.match(cheaper.json(), { outcome: 'replaced' }, 'with bids a longer description is allowed')
})

/** The terms of a lot as its seller would send them again. */
async function termsOf({ pool }: World, itemId: string) {
  const { rows } = await pool.query(
    `select seller_id, starts_at, original_ends_at from lots where item_id = $1`,
    [itemId],
  )
  const [row] = rows
  return {
    itemId,
    sellerId: row.seller_id,
    type: 'english',
    round: 1,
    currencyCode: 'USD',
    startPrice: '5.00',
    bidIncrement: '0.50',
    startDate: row.starts_at.toISOString(),
    endDate: row.original_ends_at.toISOString(),
    extensionThresholdMinutes: 0,
    extensionDurationMinutes: 0,
    extensionMode: 'from_end',
    maxExtensionMinutes: 60,
    maxExtensions: 0,
  }
}

t.test('a lot that cannot be extended does not keep the others from it', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const lots: string[] = []
  for (let index = 0; index < 3; index += 1) lots.push(await putLot(world, nowMs - MINUTE_MS))
  const [first, broken = '', last] = lots
  await world.pool.query(
    `insert into outage_extensions values ($1, 9, now() - interval '2 days', now() - interval '1 day',
      now() - interval '1 day', now() - interval '1 hour', now() - interval '1 day')`,
    [broken],
  )
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - 30 * SECOND_MS, nowMs)
  await world.close()
  for (const itemId of [first, last]) t.match(await stateOf(world, itemId ?? ''), EXTENDED_ONCE)
  t.match(await stateOf(world, broken), { phase: 'open', isExtended: false })
})

t.test('the record of an extension is append-only', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  await putLot(world, nowMs - MINUTE_MS)
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - 30 * SECOND_MS, nowMs)
  await world.close()
  for (const statement of [
    'update outage_extensions set outage_until = outage_from',
    'delete from outage_extensions',
    'truncate outage_extensions',
  ]) {
    await t.rejects(world.pool.query(statement), { code: '23001' }, statement)
  }
})

t.test('a proof', async (t) => {
  const world = await createWorld(t)
  const { pool, db } = world
  const periods = () => readBiddingPeriods(db, 0)
  /** Moves all that is known of bidding into the past. */
  const age = (ms: number) =>
    pool.query(
      `update bidding_periods set since = since - $1 * interval '1 ms', until = until - $1 * interval '1 ms'`,
      [ms],
    )

  t.test('prolongs the last period, and begins one after more than a minute', async (t) => {
    t.equal(await readLastProof(db), undefined)
    await recordProof(pool)
    const [first] = await periods()
    await age(30_000)
    await recordProof(pool)
    const prolonged = await periods()
    t.equal(prolonged.length, 1)
    t.ok((prolonged[0]?.untilMs ?? 0) - (prolonged[0]?.sinceMs ?? 0) >= 30_000)
    await age(61_000)
    const beforeMs = await readLastProof(db)
    await recordProof(pool)
    const [former, next] = await periods()
    t.equal(former?.untilMs, beforeMs)
    t.ok((next?.sinceMs ?? 0) - (former?.untilMs ?? 0) > 60_000)
    t.ok((first?.sinceMs ?? 0) > 0)
    const { proofAgeSeconds } = await readClosingBacklog(db)
    t.ok(proofAgeSeconds < 60)
  })

  t.test('of a clock that was ahead proves nothing when it is right again', async (t) => {
    const nowMs = await clockOf(world)
    const aheadMs = nowMs + 20 * MINUTE_MS
    await setPeriods(world, [
      [nowMs - DAY_MS, nowMs - SECOND_MS],
      [aheadMs, aheadMs + MINUTE_MS],
    ])
    const closed = await putLot(world, nowMs - 500)
    t.ok(((await readLastProof(db)) ?? 0) < nowMs, 'what lies ahead is no proof')
    await recordProof(pool)
    t.equal((await periods()).length, 1)
    t.strictSame((await pool.query('select from bidding_periods')).rowCount, 1)
    await waitFor('the lot to be closed', async () => {
      await recordProof(pool)
      await world.close()
      return (await stateOf(world, closed)).phase === 'closed'
    })
    t.equal((await stateOf(world, closed)).isExtended, false)
  })

  t.test('of a clock that was set back and right again makes no outage', async (t) => {
    const nowMs = await clockOf(world)
    await setPeriods(world, [[nowMs - DAY_MS, nowMs + 90 * SECOND_MS]])
    await recordProof(pool)
    t.ok(((await readLastProof(db)) ?? 0) < nowMs + 60 * SECOND_MS, 'lots wait for proofs of now')
    await age(91_000)
    await recordProof(pool)
    t.strictSame(outagesBetween(await periods()), [])
  })

  t.test('of many processes at once makes no outage, and waits for none', async (t) => {
    await age(10 * MINUTE_MS)
    const before = (await periods()).length
    await Promise.all(Array.from({ length: 10 }, () => recordProof(pool)))
    await Promise.all(Array.from({ length: 10 }, () => recordProof(pool)))
    const after = await periods()
    t.ok(after.length > before)
    const last = await readLastProof(db)
    t.ok(after.every(({ untilMs }) => untilMs <= (last ?? 0)))
  })

  t.test('fails when a bid could not be written', async (t) => {
    const last = await readLastProof(db)
    for (const table of ['bids', 'lots', 'outbox']) {
      await pool.query(`alter table ${table} rename to hidden`)
      await t.rejects(recordProof(pool), { code: '42P01' }, table)
      await pool.query(`alter table hidden rename to ${table}`)
    }
    t.equal(await readLastProof(db), last)
    await recordProof(pool)
    t.ok(((await readLastProof(db)) ?? 0) > (last ?? 0))
  })

  t.test('is kept for ninety days, and longer when an outage began then', async (t) => {
    const nowMs = await clockOf(world)
    await setPeriods(world, [
      [nowMs - 400 * DAY_MS, nowMs - 300 * DAY_MS],
      [nowMs - 299 * DAY_MS, nowMs - 100 * DAY_MS],
      [nowMs - 50 * DAY_MS, nowMs],
    ])
    t.equal(await purgeBiddingPeriods(db, 90, 1_000), 1)
    t.strictSame(
      (await periods()).map(({ untilMs }) => untilMs),
      [nowMs - 100 * DAY_MS, nowMs],
    )
  })
})

t.test('an API proves that bids can be placed from when it listens until it stops', async (t) => {
  const world = await createWorld(t)
  const steps: (() => unknown)[] = []
  const log = createLogger('bid', 'silent')
  const { pool, db } = world
  const app = await buildApi(
    readApiConfig({
      ...Object.fromEntries(
        Object.entries(world.config).map(([name, value]) => [name, `${value}`]),
      ),
      JWKS_URL: 'http://unused',
      JWT_ISSUER: 'unused',
      INTERNAL_JWT_SECRET: 'a secret of at least thirty-two letters',
    }),
    {
      pool,
      db,
      log,
      registry: createRegistry('bid'),
      lifecycle: { onStop: (_, step) => steps.push(step), isStopping: () => false },
    },
  )
  await app.ready()
  t.equal(await readLastProof(db), undefined, 'it does not listen yet')
  await app.listen({ port: 0, host: '127.0.0.1' })
  const first = await waitFor('the first proof', () => readLastProof(db))
  await waitFor('the next one', async () => ((await readLastProof(db)) ?? 0) > first)
  for (const step of steps.toReversed()) await step()
  await app.close()
  t.equal((await readBiddingPeriods(db, 0)).length, 1)
})

t.test('extended lots come to their end and are closed, and the ledger adds up', async (t) => {
  const world = await createWorld(t)
  const nowMs = await clockOf(world)
  const lots: string[] = []
  for (let index = 0; index < 10; index += 1) {
    lots.push(await putLot(world, nowMs - MINUTE_MS, index % 2 === 0 ? ['20.00', '30.00'] : []))
  }
  await setOutage(world, nowMs - 3 * MINUTE_MS, nowMs - 30 * SECOND_MS, nowMs)
  // So short that the test need not wait for it.
  const closeSoon = () =>
    closeDueLots({
      db: world.db,
      events: createBidEvents({ legacyAlias: false }),
      log: createLogger('bid', 'silent'),
      outageExtensionMs: 1,
    })
  t.equal(await closeSoon(), 0)
  let closed = 0
  await waitFor(`the end and ${CLOSING_GRACE_MS} ms of grace`, async () => {
    await recordProof(world.pool)
    closed += await closeSoon()
    return closed === lots.length
  })
  for (const itemId of lots) {
    t.match(await stateOf(world, itemId), {
      phase: 'closed',
      extensions: 1,
      extendedEvents: 1,
      closedEvents: 1,
    })
  }
  t.strictSame(await violationsOf(world), [])
})
