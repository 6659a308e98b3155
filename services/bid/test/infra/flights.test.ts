import { randomUUID } from 'node:crypto'
import { isUnavailable, sqlState } from '@auction/common/http/errors.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { startTcpRelay } from '@auction/common/testing/tcp-relay.ts'
import type { PoolClient } from 'pg'
import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { verifyLots } from '#src/app/verify-lots.ts'
import type { AcceptedBid } from '#src/domain/bid-record.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import {
  type BatchWrite,
  beginWithFreeLots,
  commitBatch,
  IdempotencyRaceError,
} from '#src/infra/postgres/bid-batch.ts'
import { inOneFlight } from '#src/infra/postgres/flight.ts'
import type { KeyedRefusal } from '#src/infra/postgres/refusals.ts'
import { createWorld, type World } from '#test/helper.ts'

const PATIENCE_MS = 60_000
const HASH = 'a'.repeat(64)

function bidOf(bidderId: string, idempotencyKey: string | null): AcceptedBid {
  return {
    bidId: uuidv7(),
    itemId: randomUUID(),
    bidderId,
    kind: 'proxy',
    outcome: 'leading',
    maxAmount: 1_200n,
    price: 1_000n,
    minNextBid: 1_050n,
    bidCount: 1,
    reserveMet: true,
    endsAtMs: 1_900_000_000_000,
    extended: false,
    sequence: 2,
    silentRaise: 0,
    idempotencyKey,
    requestHash: HASH,
    decidedAtMs: 1_800_000_000_000,
    recordedAtMs: 1_800_000_000_000,
  }
}

/** What a batch of these bids writes: with their numbers and an outbox row. */
function writeOf(bids: AcceptedBid[]): BatchWrite {
  return {
    bids,
    lots: [],
    bidders: bids.map(({ itemId, bidderId }) => ({ itemId, bidderId, number: 1 })),
    outbox: { id: uuidv7(), events: '[]' },
  }
}

function refusalOf(bidderId: string, maxAmount: bigint): KeyedRefusal {
  return {
    bidId: uuidv7(),
    itemId: randomUUID(),
    bidderId,
    outcome: 'refused',
    maxAmount,
    refusalCode: 'bid.too_low',
    refusalDetails: null,
    idempotencyKey: randomUUID(),
    requestHash: HASH,
    decidedAtMs: Date.now(),
    recordedAtMs: Date.now(),
  }
}

async function createBatch(t: Test) {
  const world = await createWorld(t)
  const pool = world.createBidPool()
  const client = await pool.connect()
  t.teardown(() => client.release(true))
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const stored = async () => {
    const { rows } = await world.pool.query(`select
      (select count(*)::int from bids) as bids, (select count(*)::int from lot_bidders) as bidders,
      (select count(*)::int from outbox) as commits, (select count(*)::int from refusals) as refusals`)
    return rows[0]
  }
  return { world, client, pid: rows[0]?.pid ?? 0, stored }
}

const NOTHING = { bids: 0, bidders: 0, commits: 0, refusals: 0 }

/** Writes bids as a batch of their own, which shows that the connection is as good as new. */
async function decide(client: PoolClient, write: BatchWrite, refusals: KeyedRefusal[] = []) {
  await beginWithFreeLots(client, [], PATIENCE_MS)
  await commitBatch(client, write, refusals)
}

/** A transaction of another process that has written this bid and has not committed yet. */
async function holdKey(world: World, bid: AcceptedBid) {
  const client = await world.createBidPool().connect()
  await beginWithFreeLots(client, [], PATIENCE_MS)
  const { bidId, itemId, bidderId, idempotencyKey } = bid
  await client.query(
    `insert into bids (id, item_id, bidder_id, kind, outcome, max_amount, price, sequence,
        idempotency_key, decided_at, recorded_at)
      values ($1, $2, $3, 'proxy', 'leading', 1200, 1000, 2, $4, now(), now())`,
    [bidId, itemId, bidderId, idempotencyKey],
  )
  return async (end: 'commit' | 'rollback') => {
    await client.query(end)
    client.release()
  }
}

t.test('a batch is written and committed in one flight', async (t) => {
  const { client, stored } = await createBatch(t)
  const ann = randomUUID()
  await decide(client, writeOf([bidOf(ann, 'k'), bidOf(randomUUID(), null)]), [refusalOf(ann, 1n)])
  t.strictSame(await stored(), { bids: 2, bidders: 2, commits: 1, refusals: 1 })
})

t.test('a key that is used already leaves nothing of the batch behind', async (t) => {
  const { client, stored } = await createBatch(t)
  const ann = randomUUID()
  await decide(client, writeOf([bidOf(ann, 'k')]))
  const write = writeOf([bidOf(randomUUID(), null), bidOf(ann, 'k'), bidOf(ann, 'other')])
  await t.rejects(decide(client, write, [refusalOf(ann, 1n)]), IdempotencyRaceError)
  t.strictSame(await stored(), { bids: 1, bidders: 1, commits: 1, refusals: 0 })
  await decide(client, writeOf([bidOf(ann, 'next')]))
  t.match(await stored(), { bids: 2, bidders: 2, commits: 2 })
})

t.test('a write that cannot be built leaves nothing of the batch behind', async (t) => {
  const { client, stored } = await createBatch(t)
  const ann = randomUUID()
  const unwritable = { ...bidOf(ann, 'k'), maxAmount: { toString: () => fail() } as never }
  const deciding = decide(client, writeOf([unwritable]), [refusalOf(ann, 1n)])
  await t.rejects(deciding, /cannot be built/)
  t.strictSame(await stored(), NOTHING)
  await client.query('rollback')
  await decide(client, writeOf([bidOf(ann, 'next')]))
  t.match(await stored(), { bids: 1, commits: 1 })
})

function fail(): never {
  throw new Error('cannot be built')
}

t.test('so does one that another transaction commits meanwhile', async (t) => {
  const { world, client, stored } = await createBatch(t)
  const ann = randomUUID()
  const end = await holdKey(world, bidOf(ann, 'k'))
  const deciding = decide(client, writeOf([bidOf(randomUUID(), null), bidOf(ann, 'k')]))
  const rejected = t.rejects(deciding, IdempotencyRaceError)
  await world.waitForLocks(1)
  await end('commit')
  await rejected
  t.strictSame(await stored(), { ...NOTHING, bids: 1 })
})

t.test('the last write before the commit fails, and nothing is committed', async (t) => {
  const { client, stored } = await createBatch(t)
  const ann = randomUUID()
  const failure: unknown = await decide(client, writeOf([bidOf(ann, 'k')]), [
    refusalOf(ann, -1n),
  ]).catch((error: unknown) => error)
  t.equal(sqlState(failure), '23514', 'the error of the write, not of what came behind it')
  t.strictSame(await stored(), NOTHING)
  await decide(client, writeOf([bidOf(ann, 'k')]))
  t.match(await stored(), { bids: 1, bidders: 1, commits: 1 })
})

t.test('a write that is cancelled, too late or alone commits nothing', async (t) => {
  const ways: Record<string, (world: World, client: PoolClient, pid: number) => Promise<unknown>> =
    {
      cancelled: (world, _client, pid) => world.pool.query('select pg_cancel_backend($1)', [pid]),
      terminated: (world, _client, pid) =>
        world.pool.query('select pg_terminate_backend($1)', [pid]),
    }
  for (const [title, hit] of Object.entries(ways)) {
    const { world, client, pid, stored } = await createBatch(t)
    const ann = randomUUID()
    const end = await holdKey(world, bidOf(ann, 'k'))
    const deciding = decide(client, writeOf([bidOf(ann, 'k'), bidOf(ann, null)])).catch(
      (error: unknown) => error,
    )
    await world.waitForLocks(1)
    await hit(world, client, pid)
    const failure = await deciding
    t.ok(sqlState(failure) === '57014' || isUnavailable(failure), `${title}: ${failure}`)
    await end('rollback')
    t.strictSame(await stored(), NOTHING, title)
  }
  const { world, client, stored } = await createBatch(t)
  const ann = randomUUID()
  const end = await holdKey(world, bidOf(ann, 'k'))
  await beginWithFreeLots(client, [], PATIENCE_MS)
  // Of the write alone: it waits for the key, and all before it may take as long as the machine needs.
  await client.query('set local statement_timeout = 20')
  const failure: unknown = await commitBatch(client, writeOf([bidOf(ann, 'k')]), []).catch(
    (error: unknown) => error,
  )
  t.equal(sqlState(failure), '57014', 'too late')
  await end('rollback')
  t.strictSame(await stored(), NOTHING)
  await decide(client, writeOf([bidOf(ann, 'k')]))
  t.match(await stored(), { bids: 1 }, 'and the connection is as good as new')
})

t.test('a connection lost under a write leaves a bid whole or not at all', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  const network = await startTcpRelay(world.config.POSTGRES_HOST, world.config.POSTGRES_PORT)
  t.teardown(() => network.stop())
  const bidPool = createPool(
    { ...world.config, POSTGRES_PORT: network.port },
    {
      log: createLogger('bid', 'silent'),
      max: 4,
      isPipelined: true,
      connectionTimeoutMs: PATIENCE_MS,
      statementTimeoutMs: PATIENCE_MS,
    },
  )
  t.teardown(() => bidPool.end())
  const app = await world.replica(bidPool)
  const ann = randomUUID()
  const end = await holdKey(world, bidOf(ann, 'k'))
  const cut = world.bid(itemId, ann, '12.00', { key: 'k', app })
  await world.waitForLocks(1)
  network.cut()
  t.ok([201, 503].includes((await cut).statusCode))
  await end('rollback')
  // Until the server has noticed that its client is gone, it holds the lot, and bids on it wait.
  const again = await world.bid(itemId, ann, '12.00', { key: 'k' })
  t.equal(again.statusCode, 201)
  t.match(await world.lot(itemId), { bidCount: 1 })
  t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
})

t.test('an error is thrown when the last answer of its flight has come', async (t) => {
  const { world, client } = await createBatch(t)
  const other = await world.pool.connect()
  await other.query('select pg_advisory_lock(7)')
  let isSettled = false
  const flight = inOneFlight([
    client.query('select 1 / 0'),
    client.query('select pg_advisory_lock(7)'),
    client.query('select 2 as two'),
  ]).finally(() => {
    isSettled = true
  })
  const rejected = t.rejects(flight, { code: '22012' })
  await world.waitForLocks(1)
  t.notOk(isSettled)
  await other.query('select pg_advisory_unlock(7)')
  other.release()
  await rejected
  t.strictSame(
    (await client.query('select 3 as three')).rows,
    [{ three: 3 }],
    'answers are in step',
  )
})
