import { setTimeout as wait } from 'node:timers/promises'
import type { Platform } from '@auction/local/platform.ts'
import type pg from 'pg'
import { createClient } from '#src/api-client.ts'
import { load } from '#src/bench/children.ts'
import type { LoadResult } from '#src/bench/load.ts'
import { openLots } from '#src/bench/open-lots.ts'
import { compareReadModel, queuesOf } from '#src/crash/check.ts'
import { openPool } from '#src/pools.ts'

export interface OutageOptions {
  platform: Platform
  /** How long the broker is away. */
  seconds: number
  bidsPerSecond: number
  log: (line: string) => void
}

export interface Outage {
  load: LoadResult
  /** What waited in the outbox of bid when the broker was back. */
  backlog: Backlog
  /** From then until all of that was published, and until it was in the read model. */
  publishedSeconds: number
  visibleSeconds: number
  /** Events that the relay published in that time, what came meanwhile included. */
  publishedEvents: number
  /** After the load, when everything had time to settle. */
  readModelDifferences: number
  queues: { deadLetters: number; waiting: number }
}

interface Backlog {
  rows: number
  events: number
  /** The highest seq of it. */
  seq: bigint
}

const CONNECTIONS = 32
const BEFORE_SECONDS = 5
/** The load goes on for so long after the broker is back: bids must not suffer from the drain either. */
const AFTER_SECONDS = 60
const DRAIN_TIMEOUT_MS = 600_000

/** Keeps the broker away while bids come at a steady rate, and measures how the backlog drains. */
export async function keepBrokerAway(options: OutageOptions): Promise<Outage> {
  const { platform, seconds, bidsPerSecond, log } = options
  const client = createClient({ baseUrl: platform.gatewayUrl })
  const bid = openPool(platform.postgres.url('bid'), 2)
  const auction = openPool(platform.postgres.url('auction'), 2)
  try {
    const { itemIds, bidders } = await openLots(client)
    const underLoad = load({
      ports: [Number(new URL(platform.addresses.get('bid-api') ?? '').port)],
      itemIds,
      tokens: bidders.map(({ token }) => token),
      connections: CONNECTIONS,
      rate: bidsPerSecond,
      fromCents: 10_000_000,
      spreadCents: 0,
      seconds: BEFORE_SECONDS + seconds + AFTER_SECONDS,
    })
    // It is waited for at the end; until then what it failed of waits as well.
    underLoad.catch(() => undefined)
    await wait(BEFORE_SECONDS * 1000)
    await platform.kill('rabbitmq')
    log(`the broker is away for ${seconds} s`)
    await wait(seconds * 1000)
    await platform.restart('rabbitmq')
    const backAtMs = performance.now()
    const since = () => (performance.now() - backAtMs) / 1000
    const backlog = await readBacklog(bid)
    const sequences = await readSequences(bid)
    log(`it is back; ${backlog.events} events wait in ${backlog.rows} rows`)
    const before = await countPublished(bid)
    await until('the backlog to be published', () => isPublished(bid, backlog.seq))
    const publishedSeconds = since()
    const publishedEvents = (await countPublished(bid)) - before
    await until('the read model to contain it', () => isVisible(auction, sequences))
    const visibleSeconds = since()
    log(
      `published after ${publishedSeconds.toFixed(1)} s, visible after ${visibleSeconds.toFixed(1)} s`,
    )
    const result = await underLoad
    await until('everything to be consumed', async () => {
      const { waiting } = await queuesOf(platform.rabbitmq.managementUrl)
      return waiting + (await countUnsent(bid)) + (await countUnsent(auction)) === 0
    })
    return {
      load: result,
      backlog,
      publishedSeconds,
      visibleSeconds,
      publishedEvents,
      readModelDifferences: await compareReadModel(bid, auction),
      queues: await queuesOf(platform.rabbitmq.managementUrl),
    }
  } finally {
    client.close()
    await Promise.all([bid.end(), auction.end()])
  }
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + DRAIN_TIMEOUT_MS
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`)
    await wait(100)
  }
}

async function readBacklog(bid: pg.Pool): Promise<Backlog> {
  const { rows } = await bid.query<Backlog>(
    `select count(*)::int as rows, coalesce(sum(json_array_length(events)), 0)::int as events,
       coalesce(max(seq), 0) as seq
     from outbox where sent_at is null`,
  )
  if (rows[0] === undefined) throw new Error('the outbox could not be counted')
  return rows[0]
}

async function isPublished(bid: pg.Pool, seq: bigint): Promise<boolean> {
  const { rowCount } = await bid.query(
    'select from outbox where sent_at is null and seq <= $1 limit 1',
    [seq],
  )
  return rowCount === 0
}

async function countPublished(bid: pg.Pool): Promise<number> {
  const { rows } = await bid.query<{ events: number }>(
    `select coalesce(sum(json_array_length(events)), 0)::int as events from outbox
     where sent_at is not null`,
  )
  return rows[0]?.events ?? 0
}

async function countUnsent(pool: pg.Pool): Promise<number> {
  const { rowCount } = await pool.query('select from outbox where sent_at is null')
  return rowCount ?? 0
}

/** The sequence of every lot that has bids. */
async function readSequences(bid: pg.Pool): Promise<Map<string, bigint>> {
  const { rows } = await bid.query<{ id: string; sequence: bigint }>(
    'select item_id as id, sequence from lots where bid_count > 0',
  )
  return new Map(rows.map(({ id, sequence }) => [id, sequence]))
}

async function isVisible(auction: pg.Pool, sequences: Map<string, bigint>): Promise<boolean> {
  const { rows } = await auction.query<{ id: string; sequence: bigint | null }>(
    'select id, bid_sequence as sequence from items where id = any($1::uuid[])',
    [[...sequences.keys()]],
  )
  return (
    sequences.size > 0 &&
    rows.length === sequences.size &&
    rows.every(({ id, sequence }) => (sequence ?? 0n) >= (sequences.get(id) ?? 0n))
  )
}
