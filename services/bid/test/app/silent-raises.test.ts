import { randomUUID } from 'node:crypto'
import type { ApplyTermsRequest } from '@auction/common/contracts/terms.ts'
import t from 'tap'
import { CLOSING_GRACE_MS } from '#src/app/close-lots.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { type Answer, createWorld, lotTerms, serviceHeaders, type World } from '#test/helper.ts'

const MINUTE_MS = 60_000

/** One lot with people of its own, and everything that anyone but its leader gets to see of it. */
interface Stage {
  terms: ApplyTermsRequest
  seen: unknown[]
  leaders: Set<string>
  /** The account of that name. */
  id(name: string): string
}

interface Seen {
  statusCode: number
  headers: Record<string, unknown>
  body: unknown
}

type Step = (world: World, stage: Stage) => Promise<void>

async function openStage(world: World, changes: Partial<ApplyTermsRequest>): Promise<Stage> {
  const terms = lotTerms(changes)
  const ids = new Map([['seller', terms.sellerId]])
  await world.putTerms(terms)
  return {
    terms,
    seen: [],
    leaders: new Set(),
    id(name) {
      const known = ids.get(name) ?? randomUUID()
      ids.set(name, known)
      return known
    },
  }
}

/** A bid of someone else than the leader; its answer is seen. */
const bid =
  (name: string, maxAmount: string, options: { key?: string; body?: Answer } = {}): Step =>
  async (world, stage) => {
    const answer = await world.bid(stage.terms.itemId, stage.id(name), maxAmount, options)
    stage.seen.push([name, maxAmount, answer])
  }

/** A raise of the own maximum, which no one else may see. */
const raise =
  (name: string, maxAmount: string): Step =>
  async (world, stage) => {
    const { itemId } = stage.terms
    const before = await world.lot(itemId)
    const { statusCode, body } = await world.bid(itemId, stage.id(name), maxAmount)
    const { currentPrice, bidCount, sequence } = before
    t.match(
      { statusCode, body },
      { statusCode: 201, body: { outcome: 'leading', currentPrice, bidCount, sequence } },
    )
    const [own] = await myBids(world, stage.id(name))
    t.match(own, { bidId: body.bidId, myMaxAmount: maxAmount, status: 'leading', sequence })
  }

async function get(world: World, url: string, userId?: string): Promise<Seen> {
  const { statusCode, headers, body } = await world.app.inject({
    url,
    headers:
      userId === undefined ? {} : { authorization: `Bearer ${world.identity.token(userId)}` },
  })
  return { statusCode, headers, body }
}

const myBids = async (world: World, userId: string) =>
  JSON.parse(String((await get(world, '/api/v1/bids', userId)).body)).bids

/** Everything there is to read about a lot, by a visitor, its seller and two rivals. */
const look: Step = async (world, stage) => {
  const { itemId } = stage.terms
  const path = `/api/v1/lots/${itemId}`
  for (const name of [undefined, 'seller', 'ben', 'cid']) {
    const userId = name === undefined ? undefined : stage.id(name)
    stage.seen.push(await get(world, path, userId))
    stage.seen.push(await get(world, `${path}/bids`, userId))
    if (userId === undefined) continue
    // The own bids of who led are the one place where raises are seen, after the end too.
    const { body } = await get(world, '/api/v1/bids', userId)
    if (/"status":"(?:leading|won)"/.test(String(body))) stage.leaders.add(userId)
    if (stage.leaders.has(userId)) continue
    for (const query of ['', '?limit=1', '?status=leading', '?status=outbid', '?status=lost'])
      stage.seen.push(await get(world, `/api/v1/bids${query}`, userId))
  }
  for (let before = ''; ; ) {
    const page = await get(world, `${path}/bids?limit=1${before}`)
    stage.seen.push(page)
    const { nextBefore } = JSON.parse(String(page.body))
    if (nextBefore === undefined) break
    before = `&before=${nextBefore}`
  }
}

/** What the rules refuse, and the answer to a request that came before. */
const bother: Step = async (world, stage) => {
  for (const maxAmount of ['1.00', '10.49', '5000.00', '1e3', '99999999999.00'])
    await bid('ben', maxAmount)(world, stage)
  await bid('cid', '10.00', { key: 'the-same-key' })(world, stage)
  await bid('cid', '10.01', { key: 'the-same-key' })(world, stage)
  await bid('cid', '90.00', { body: { termsVersion: 9 } })(world, stage)
  await bid('cid', '90.00', { body: { currencyCode: 'EUR' } })(world, stage)
  await bid('seller', '90.00')(world, stage)
}

const shift =
  (milliseconds: (terms: ApplyTermsRequest) => number): Step =>
  (world, stage) =>
    world.shiftLot(stage.terms.itemId, milliseconds(stage.terms))

const lowerReserve =
  (reservePrice: string): Step =>
  async (world, stage) => {
    stage.terms = { ...stage.terms, reservePrice, termsVersion: stage.terms.termsVersion + 1 }
    stage.seen.push((await world.putTerms(stage.terms)).body)
  }

const cancel: Step = async (world, { terms, seen }) => {
  const { statusCode, body } = await world.app.inject({
    method: 'PUT',
    url: `/internal/v1/lots/${terms.itemId}/cancellation`,
    headers: serviceHeaders(world.identity),
    payload: terms,
  })
  seen.push({ statusCode, body })
}

const close: Step = async (world, { seen }) => {
  seen.push(await world.close())
}

const events: Step = async (world, { terms, seen }) => {
  const { rows } = await world.pool.query(
    `select e as event from outbox, json_array_elements(events) e
      where e->>'aggregateId' = $1 order by seq`,
    [terms.itemId],
  )
  seen.push(...rows)
}

/**
 * What is seen with everything that differs between any two lots by a name: ids in the order in which they
 * appear, so that a reference to a bid that was never shown is a difference.
 */
function readable({ seen }: Stage): string[] {
  const names = new Map<string, string>()
  const nameOf = (id: string) => {
    const name = names.get(id) ?? `id ${names.size + 1}`
    names.set(id, name)
    return name
  }
  return seen.map((one) =>
    JSON.stringify(one, (key, value) => (key === 'date' || key === 'traceId' ? key : value))
      .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, nameOf)
      .replace(/(?:00-)?[0-9a-f]{32}(?:-[0-9a-f]{16}-0[01])?/g, 'trace')
      .replace(/[0-9a-z]{1,12}\.[A-Za-z0-9_-]{43}/g, 'confirmation')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'instant'),
  )
}

interface Scene {
  title: string
  terms: Partial<ApplyTermsRequest>
  /** Its times were changed by the test, so its ledger does not add up. */
  isMoved?: boolean
  /** A raise comes on the one lot only; on the other its maximum was bid at once. */
  steps: (first: (low: string, high: string) => string, silently: (step: Step) => Step) => Step[]
}

const SCENES: Scene[] = [
  {
    title: 'while rivals bid, and when the lead changes',
    terms: { buyoutPrice: '900.00' },
    steps: (first, silently) => [
      bid('ann', first('20.00', '60.00')),
      look,
      silently(raise('ann', '30.00')),
      look,
      bid('ben', '25.00'),
      silently(raise('ann', '31.00')),
      silently(raise('ann', '60.00')),
      bother,
      look,
      bid('cid', '55.00'),
      look,
      bid('ben', first('70.00', '90.00')),
      silently(raise('ben', '90.00')),
      bid('ann', '80.00'),
      bother,
      look,
    ],
  },
  {
    title: 'after a reserve was lowered, and in a lot that is cancelled',
    terms: { reservePrice: '100.00' },
    steps: (first, silently) => [
      bid('ann', '20.00'),
      lowerReserve('15.00'),
      look,
      bid('ben', first('25.00', '95.00')),
      silently(raise('ben', '40.00')),
      silently(raise('ben', '95.00')),
      lowerReserve('12.00'),
      bid('ann', '35.00'),
      bother,
      look,
      cancel,
      look,
    ],
  },
  {
    title: 'in the last minutes, and after the sale',
    terms: { extensionThresholdMinutes: 5, extensionDurationMinutes: 5 },
    isMoved: true,
    steps: (first, silently) => [
      bid('ben', '12.00'),
      bid('ann', first('20.00', '60.00')),
      shift(({ endDate }) => Date.now() + 4 * MINUTE_MS - Date.parse(endDate)),
      silently(raise('ann', '60.00')),
      look,
      bid('ben', '19.00'),
      silently(raise('ann', '60.01')),
      look,
      shift(() => -9 * MINUTE_MS - CLOSING_GRACE_MS),
      look,
      bother,
      close,
      look,
      bother,
    ],
  },
]

for (const { title, terms, isMoved, steps } of SCENES) {
  t.test(`a silent raise is seen by its bidder alone: ${title}`, async (t) => {
    const world = await createWorld(t)
    const [raised, plain] = [await openStage(world, terms), await openStage(world, terms)]
    const nothing: Step = async () => {}
    const onRaised = steps(
      (low) => low,
      (step) => step,
    )
    const onPlain = steps(
      (_, high) => high,
      () => nothing,
    )
    for (const [index, step] of onRaised.entries()) {
      await step(world, raised)
      await onPlain[index]?.(world, plain)
    }
    await events(world, raised)
    await events(world, plain)
    // What their bidders sent differs, and closing one lot has closed the other too.
    const [one, other] = [readable(raised), readable(plain)].map((lines) =>
      lines
        .filter((line) => !/^\d+$/.test(line))
        .map((line) => line.replace(/^\["[a-z]+","[\d.e]+",/, '')),
    )
    t.ok((one?.length ?? 0) > 60, `${one?.length} answers and events are compared`)
    t.strictSame(one, other)
    const { rows } = await world.pool.query<{ raises: number }>(
      'select silent_raises as raises from lots where item_id = any($1)',
      [[raised.terms.itemId, plain.terms.itemId]],
    )
    t.ok(rows.some(({ raises }) => raises > 1) && rows.some(({ raises }) => raises === 0))
    if (isMoved) return
    t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
  })
}

t.test('a repeated raise is one raise, with a key or without', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  for (;;) {
    const { itemId } = await world.putTerms()
    const [ann, key] = [randomUUID(), randomUUID()]
    await world.bid(itemId, ann, '20.00')
    await world.bid(itemId, ann, '25.00', { key })
    const first = await world.bid(itemId, ann, '30.00')
    const again = [
      await world.bid(itemId, ann, '30.00'),
      await world.bid(itemId, ann, '30.00', { app: replica }),
    ]
    if (!(await world.isRecent(itemId))) continue
    for (const { body } of again) t.strictSame(body, first.body)
    for (const app of [world.app, replica]) {
      const repeated = await world.bid(itemId, ann, '25.00', { key, app })
      t.equal(repeated.headers['idempotency-replayed'], 'true')
    }
    const { rows } = await world.pool.query('select silent_raises from lots where item_id = $1', [
      itemId,
    ])
    t.strictSame(rows, [{ silent_raises: 2 }])
    return
  }
})

t.test('verify-ledger finds a raise that is missing, and a bid that was hidden', async (t) => {
  const world = await createWorld(t)
  const [lost, hidden] = [(await world.putTerms()).itemId, (await world.putTerms()).itemId]
  for (const itemId of [lost, hidden]) {
    const ann = randomUUID()
    for (const amount of ['20.00', '25.00', '30.00']) await world.bid(itemId, ann, amount)
    await world.bid(itemId, randomUUID(), '22.00')
  }
  const verify = async () => (await verifyLots(world.db, createBidSettings())).violations
  t.strictSame(await verify(), [])
  await world.pool.query('alter table bids disable trigger bids_append_only')
  await world.pool.query('delete from bids where item_id = $1 and silent_raise = 1', [lost])
  await world.pool.query(
    'update bids set silent_raise = 3 where item_id = $1 and sequence = 2 and max_amount = 2200',
    [hidden],
  )
  const violations = await verify()
  for (const itemId of [lost, hidden])
    t.ok(violations.some((text) => text.startsWith(itemId) && text.includes('silentRaise')))
})

t.test('the version before writes beside this one, and no sequence goes back', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  const [ann, ben] = [randomUUID(), randomUUID()]
  const raiseAsBefore = async (maxAmount: string, cents: number) => {
    // As it wrote a raise: with a sequence, counted, and without the columns that it does not know.
    const { rows } = await world.pool.query(
      `with changed as (
         update lots set leader_max = $3, leader_bid_id = gen_random_uuid(), bid_count = bid_count + 1,
           sequence = sequence + 1 where item_id = $1 returning *
       )
       insert into bids (id, item_id, bidder_id, kind, outcome, max_amount, price, min_next_bid, bid_count,
         reserve_met, ends_at, extended, sequence, decided_at, recorded_at)
       select leader_bid_id, item_id, $2, 'proxy', 'leading', leader_max, current_price, current_price + 50,
         bid_count, reserve_met, ends_at, false, sequence, last_decided_at, last_decided_at
       from changed returning sequence::int`,
      [itemId, ann, cents],
    )
    t.ok(rows[0].sequence > 0, maxAmount)
    sequences.push(rows[0].sequence)
  }
  const sequences: number[] = []
  const place = async (bidderId: string, maxAmount: string) => {
    const { body } = await world.bid(itemId, bidderId, maxAmount)
    sequences.push(Number(body.sequence))
  }
  await place(ann, '20.00')
  await raiseAsBefore('25.00', 2500)
  await place(ann, '30.00')
  await place(ben, '22.00')
  await place(ann, '35.00')
  await raiseAsBefore('40.00', 4000)
  await place(ann, '45.00')
  await place(ben, '42.00')
  t.strictSame(sequences, [1, 2, 2, 3, 3, 4, 4, 5])
  t.match(await world.lot(itemId), { bidCount: 5, sequence: 5, currentPrice: '42.50' })
  t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
})
