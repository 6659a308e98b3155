import { setTimeout as wait } from 'node:timers/promises'
import { verifyLots } from '@auction/bid/app/verify-lots.ts'
import { createBidSettings } from '@auction/bid/domain/settings.ts'
import type { Database } from '@auction/bid/infra/postgres/schema.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { DATABASES } from '@auction/local/service-list.ts'
import pg from 'pg'
import { openPool } from '#src/pools.ts'
import type { SentBid } from './history.ts'

/** The address of a service's database. */
export type DatabaseUrl = (service: string) => string

export interface Counts {
  sent: number
  acknowledged: number
  refused: number
  unknown: number
  unknownInLedger: number
  /** Sent more than once because the first answer did not come. */
  retried: number
  lost: number
  /** What their clients know of them. */
  lostBids: SentBid[]
  double: number
  ghosts: number
  lots: number
  ledgerEntries: number
  closed: number
  wrongWinners: number
  eventsCommitted: number
  eventsUnsent: number
  readModelDifferences: number
  violations: string[]
}

// Money and counters are bigint in both databases; the driver would make strings of them.
pg.types.setTypeParser(20, BigInt)

/** Compares the answers that clients got with ledger, lots, results, outboxes and read model. */
export async function check(url: DatabaseUrl, history: SentBid[]): Promise<Counts> {
  const pools = openPools(url, 4)
  const [bid, auction] = [poolOf(pools, 'bid'), poolOf(pools, 'auction')]
  try {
    const ledger = await compareWithLedger(bid, history)
    const verification = await verifyLots(createDatabase<Database>(bid), createBidSettings())
    const lots = await bid.query(
      `select count(*) filter (where phase = 'closed')::int as closed,
         count(*) filter (where phase = 'closed' and (outcome = 'sold'
           and winner_id is distinct from leader_id or outcome = 'bought_now' and not exists (
             select from purchases where id = purchase_id and buyer_id = winner_id and amount = final_amount)))::int
           as wrong from lots`,
    )
    const outboxes = await Promise.all([...pools.values()].map(readOutbox))
    return {
      sent: history.length,
      acknowledged: history.filter(({ status }) => status === 'accepted').length,
      refused: history.filter(({ status }) => status === 'refused').length,
      unknown: history.filter(({ status }) => status === 'unknown').length,
      retried: history.filter(({ attempts }) => attempts > 1).length,
      ...ledger,
      lots: verification.lots,
      ledgerEntries: verification.entries,
      closed: lots.rows[0].closed,
      wrongWinners: lots.rows[0].wrong,
      eventsCommitted: outboxes.reduce((sum, { events }) => sum + events, 0),
      eventsUnsent: outboxes.reduce((sum, { unsent }) => sum + unsent, 0),
      readModelDifferences: await compareReadModel(bid, auction),
      violations: verification.violations,
    }
  } finally {
    await endAll(pools)
  }
}

function openPools(url: DatabaseUrl, max: number): Map<string, pg.Pool> {
  return new Map(DATABASES.map((name) => [name, openPool(url(name), max)]))
}

function poolOf(pools: ReadonlyMap<string, pg.Pool>, service: string): pg.Pool {
  const pool = pools.get(service)
  if (pool === undefined) throw new Error(`${service} owns no database`)
  return pool
}

async function endAll(pools: ReadonlyMap<string, pg.Pool>): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.end()))
}

interface LedgerRow {
  id: string
  key: string
  item_id: string
  bidder_id: string
  max_amount: bigint | null
  outcome: string
}

async function compareWithLedger(pool: pg.Pool, history: SentBid[]) {
  const { rows } = await pool.query<LedgerRow>(
    `select id, idempotency_key as key, item_id, bidder_id, max_amount, outcome from bids
     where kind <> 'auto' and idempotency_key is not null`,
  )
  const byKey = new Map<string, LedgerRow[]>()
  for (const row of rows) byKey.set(row.key, [...(byKey.get(row.key) ?? []), row])
  const sent = new Map(history.map((bid) => [bid.key, bid]))
  const lostBids = history.filter((bid) => {
    const [row] = byKey.get(bid.key) ?? []
    if (bid.status === 'accepted') return !isSame(bid, row)
    return bid.status === 'refused' && row !== undefined && row.outcome !== 'refused'
  })
  const lost = lostBids.length
  const double = [...byKey.values()].filter((same) => same.length > 1).length
  const ghosts = rows.filter((row) => !sent.has(row.key)).length
  const unknownInLedger = history.filter(
    ({ status, key }) => status === 'unknown' && byKey.has(key),
  ).length
  return { lost, lostBids, double, ghosts, unknownInLedger }
}

function isSame(bid: SentBid, row: LedgerRow | undefined): boolean {
  return (
    row !== undefined &&
    row.outcome !== 'refused' &&
    row.id === bid.bidId &&
    row.item_id === bid.itemId &&
    row.bidder_id === bid.bidderId &&
    row.max_amount === BigInt(Math.round(Number(bid.maxAmount) * 100))
  )
}

async function readOutbox(pool: pg.Pool): Promise<{ events: number; unsent: number }> {
  const { rows } = await pool.query(
    `select coalesce(sum(json_array_length(events)), 0)::int as events,
       coalesce(sum(json_array_length(events)) filter (where sent_at is null), 0)::int as unsent
     from outbox`,
  )
  return rows[0]
}

/** Lots with the last of their buyers whose order stands: the winner, or one who accepted an offer afterwards. */
const LOTS_AND_BUYERS = `
  with sales as (
    select item_id, 1 as unit, winner_id as buyer_id, final_amount as amount, closed_at as sold_at from lots
    where winner_id is not null
    union all
    select item_id, unit, user_id, amount, ended_at from offers where state = 'accepted'
  ), standing as (
    select distinct on (item_id) item_id, buyer_id, amount from sales
    where not exists (select from freed_units as freed where freed.is_free and freed.item_id = sales.item_id
      and freed.unit = sales.unit and freed.buyer_id = sales.buyer_id)
    order by item_id, sold_at desc
  )
  select lots.item_id, current_price, bid_count, reserve_met, phase, standing.buyer_id, standing.amount,
    exists (select from sales where sales.item_id = lots.item_id) as was_sold
  from lots left join standing using (item_id)`

/** Items of the auction service that differ from the lots of the bid service. */
export async function compareReadModel(bid: pg.Pool, auction: pg.Pool): Promise<number> {
  const lots = await bid.query(LOTS_AND_BUYERS)
  const items = await auction.query(
    `select id, current_price, bid_count, reserve_met, status, buyer_id, end_price from items
     where status <> 'draft'`,
  )
  const byId = new Map(items.rows.map((row) => [row.id, row]))
  let differences = 0
  for (const lot of lots.rows) {
    const item = byId.get(lot.item_id)
    const isSold = lot.buyer_id !== null
    const closedAs = isSold ? 'sold' : 'expired'
    const expectedStatus = lot.phase === 'closed' ? [closedAs] : ['active', 'scheduled']
    const isEqual =
      item !== undefined &&
      expectedStatus.includes(item.status) &&
      item.bid_count === lot.bid_count &&
      item.reserve_met === lot.reserve_met &&
      (lot.bid_count === 0 || item.current_price === lot.current_price) &&
      // An item that is free again says who had it last.
      ((lot.was_sold && !isSold) ||
        (item.buyer_id === lot.buyer_id && item.end_price === lot.amount))
    if (!isEqual) differences += 1
  }
  return differences
}

const SETTLE_TIMEOUT_MS = 180_000

// The broker counts messages every five seconds, and between two of our looks one may go from a queue into an outbox.
const QUIET_MS = 6_000

/**
 * Waits until every lot is closed, also in the rounds that begin by themselves, every event sent and every queue empty, for
 * good; answers the seconds until then.
 */
export async function settled(url: DatabaseUrl, managementUrl: string): Promise<number> {
  const startedAtMs = performance.now()
  const pools = openPools(url, 2)
  const [bid, auction, order] = ['bid', 'auction', 'order'].map((name) => poolOf(pools, name)) as [
    pg.Pool,
    pg.Pool,
    pg.Pool,
  ]
  let quietSinceMs = startedAtMs
  try {
    for (;;) {
      const lookedAtMs = performance.now()
      const lots = await bid.query(
        `select count(*)::int as open from lots where phase in ('open', 'reserved')`,
      )
      const items = await auction.query(
        `select (select count(*) from items where status in ('active', 'scheduled', 'reserved', 'ended')
           or status = 'expired' and outcome = 'no_bids' and auto_relists > 0 and relisted_as is null)::int
           + (select count(*) from relists where done_at is null)::int as open`,
      )
      const units = await order.query('select count(*)::int as open from take_backs')
      const unsent = await Promise.all([...pools.values()].map(readOutbox))
      const { waiting } = await queuesOf(managementUrl)
      const left = lots.rows[0].open + items.rows[0].open + units.rows[0].open + waiting
      const isQuiet = left + unsent.reduce((sum, { unsent: count }) => sum + count, 0) === 0
      if (!isQuiet) quietSinceMs = performance.now()
      if (lookedAtMs - quietSinceMs > QUIET_MS) break
      if (lookedAtMs - startedAtMs > SETTLE_TIMEOUT_MS) break
      await wait(500)
    }
  } finally {
    await endAll(pools)
  }
  return (quietSinceMs - startedAtMs) / 1000
}

/** Messages in dead-letter queues, and messages in others. Streams keep theirs, which no one is owed. */
export async function queuesOf(
  managementUrl: string,
): Promise<{ deadLetters: number; waiting: number }> {
  const address = new URL(managementUrl)
  const answer = await fetch(`${address.origin}/api/queues`, {
    headers: { authorization: `Basic ${btoa(`${address.username}:${address.password}`)}` },
  })
  const queues = (await answer.json()) as { name: string; type: string; messages?: number }[]
  const sum = (isDead: boolean) =>
    queues
      .filter(({ type }) => type !== 'stream')
      .filter(({ name }) => name.endsWith('.dlq') === isDead)
      .reduce((total, { messages = 0 }) => total + messages, 0)
  return { deadLetters: sum(true), waiting: sum(false) }
}
