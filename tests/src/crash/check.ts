import { setTimeout as wait } from 'node:timers/promises'
import { verifyLots } from '@auction/bid/app/verify-lots.ts'
import { createBidSettings } from '@auction/bid/domain/settings.ts'
import type { Database } from '@auction/bid/infra/postgres/schema.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { DATABASES } from '@auction/local/service-list.ts'
import pg from 'pg'
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
         count(*) filter (where phase = 'closed' and outcome = 'sold'
           and winner_id is distinct from leader_id)::int as wrong from lots`,
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
  return new Map(DATABASES.map((name) => [name, new pg.Pool({ connectionString: url(name), max })]))
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

/** Items of the auction service that differ from the lots of the bid service. */
export async function compareReadModel(bid: pg.Pool, auction: pg.Pool): Promise<number> {
  const lots = await bid.query(
    `select item_id, current_price, bid_count, reserve_met, outcome, winner_id, final_amount, phase
     from lots`,
  )
  const items = await auction.query(
    `select id, current_price, bid_count, reserve_met, status, buyer_id, end_price from items
     where status <> 'draft'`,
  )
  const byId = new Map(items.rows.map((row) => [row.id, row]))
  let differences = 0
  for (const lot of lots.rows) {
    const item = byId.get(lot.item_id)
    const expectedStatus =
      lot.phase !== 'closed'
        ? ['active', 'scheduled']
        : lot.outcome === 'sold'
          ? ['sold']
          : ['expired']
    const isEqual =
      item !== undefined &&
      expectedStatus.includes(item.status) &&
      item.bid_count === lot.bid_count &&
      item.reserve_met === lot.reserve_met &&
      (lot.bid_count === 0 || item.current_price === lot.current_price) &&
      item.buyer_id === lot.winner_id &&
      item.end_price === lot.final_amount
    if (!isEqual) differences += 1
  }
  return differences
}

const SETTLE_TIMEOUT_MS = 180_000

/** Waits until every lot is closed, every event sent and every queue empty; answers the seconds. */
export async function settled(url: DatabaseUrl, managementUrl: string): Promise<number> {
  const startedAtMs = performance.now()
  const pools = openPools(url, 2)
  const [bid, auction] = [poolOf(pools, 'bid'), poolOf(pools, 'auction')]
  try {
    for (;;) {
      const lots = await bid.query(`select count(*)::int as open from lots where phase = 'open'`)
      const items = await auction.query(
        `select count(*)::int as open from items where status in ('active', 'scheduled', 'ended')`,
      )
      const unsent = await Promise.all([...pools.values()].map(readOutbox))
      const { waiting } = await queuesOf(managementUrl)
      const left = lots.rows[0].open + items.rows[0].open + waiting
      if (left + unsent.reduce((sum, { unsent: count }) => sum + count, 0) === 0) break
      if (performance.now() - startedAtMs > SETTLE_TIMEOUT_MS) break
      await wait(500)
    }
  } finally {
    await endAll(pools)
  }
  return (performance.now() - startedAtMs) / 1000
}

/** Messages in dead-letter queues, and messages anywhere else. */
export async function queuesOf(
  managementUrl: string,
): Promise<{ deadLetters: number; waiting: number }> {
  const address = new URL(managementUrl)
  const answer = await fetch(`${address.origin}/api/queues`, {
    headers: { authorization: `Basic ${btoa(`${address.username}:${address.password}`)}` },
  })
  const queues = (await answer.json()) as { name: string; messages?: number }[]
  const sum = (isDead: boolean) =>
    queues
      .filter(({ name }) => name.endsWith('.dlq') === isDead)
      .reduce((total, { messages = 0 }) => total + messages, 0)
  return { deadLetters: sum(true), waiting: sum(false) }
}
