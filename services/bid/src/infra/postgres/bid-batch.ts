import type { ClientBase } from 'pg'
import type { BidRecord } from '#src/domain/bid-record.ts'
import type { Lot } from '#src/domain/lot.ts'
import { ColumnArray } from './column-array.ts'
import { LOT_COLUMNS, type LotRow, toLot } from './lots.ts'

// Plans of prepared statements are kept. One that was made while a table was small, or before its
// statistics were, would read whole tables for a batch of rows: on 18,000 lots that halved the rate
// again and again. Every access of a batch is by key, so nothing else may be planned.
const PLAN_BY_KEY = `set local enable_seqscan = off; set local enable_hashjoin = off;
  set local enable_mergejoin = off`

// With others in the batch a held lot is given up soon, and the batch is taken apart; alone it is
// waited for longer than a bid may wait, so that it is the bid's age which ends the wait.
const LOCK_TIMEOUT_SHARED_MS = 500
const LOCK_TIMEOUT_ALONE_MS = 2_500

/** Begins the transaction of a batch over that many lots. */
export async function beginBatch(client: ClientBase, lotCount: number): Promise<void> {
  const timeoutMs = lotCount > 1 ? LOCK_TIMEOUT_SHARED_MS : LOCK_TIMEOUT_ALONE_MS
  await client.query(`begin; set local lock_timeout = ${timeoutMs}; ${PLAN_BY_KEY}`)
}

/**
 * Locks the lots of a batch in id order, so that two batches can never wait for each other in a
 * circle. READ COMMITTED: every later statement sees what the previous lock holder committed.
 */
export async function lockLots(client: ClientBase, itemIds: string[]): Promise<Map<string, Lot>> {
  const { rows } = await client.query<LotRow>({
    name: 'lock-lots',
    text: `select ${LOT_COLUMNS} from lots where item_id = any($1::uuid[]) order by item_id for update`,
    values: [`{${itemIds.join(',')}}`],
  })
  return new Map(rows.map((row) => [row.itemId, toLot(row)]))
}

export interface BatchWrite {
  bids: BidRecord[]
  lots: Lot[]
  bidders: { itemId: string; bidderId: string; number: number }[]
  /** One outbox row for the whole commit, or null when nothing is to be told. */
  outbox: { id: string; events: string } | null
}

const INSTANT = (name: string) => `to_timestamp(${name} / 1000.0)`

const WRITE_BATCH = `
  with written as (
    insert into bids (id, item_id, bidder_id, kind, outcome, max_amount, price,
      min_next_bid, bid_count, reserve_met, ends_at, extended, sequence, trigger_bid_id,
      refusal_code, refusal_details, idempotency_key, request_hash, decided_at, recorded_at)
    select id, item_id, bidder_id, kind, outcome, max_amount, price,
      min_next_bid, bid_count, reserve_met, ${INSTANT('ends')}, extended, sequence, trigger_bid_id,
      refusal_code, refusal_details, idempotency_key, request_hash, ${INSTANT('decided')},
      ${INSTANT('recorded')}
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[],
      $7::bigint[], $8::bigint[], $9::int[], $10::bool[], $11::float8[], $12::bool[],
      $13::bigint[], $14::uuid[], $15::text[], $16::json[], $17::text[], $18::text[],
      $19::float8[], $20::float8[])
      as t(id, item_id, bidder_id, kind, outcome, max_amount, price, min_next_bid,
        bid_count, reserve_met, ends, extended, sequence, trigger_bid_id, refusal_code,
        refusal_details, idempotency_key, request_hash, decided, recorded)
    on conflict (bidder_id, idempotency_key) where idempotency_key is not null do nothing
    returning 1
  ), numbered as (
    insert into lot_bidders (item_id, bidder_id, number)
    select * from unnest($21::uuid[], $22::uuid[], $23::int[])
  ), changed as (
    update lots set ends_at = ${INSTANT('t.ends')}, extension_count = t.extension_count,
      current_price = t.current_price, leader_id = t.leader_id, leader_max = t.leader_max,
      leader_bid_id = t.leader_bid_id, bid_count = t.bid_count, bidder_count = t.bidder_count,
      reserve_met = t.reserve_met, buy_now_available = t.buy_now_available,
      last_decided_at = ${INSTANT('t.decided')}, sequence = t.sequence,
      updated_at = clock_timestamp()
    from unnest($24::uuid[], $25::float8[], $26::int[], $27::bigint[], $28::uuid[], $29::bigint[],
      $30::uuid[], $31::int[], $32::int[], $33::bool[], $34::bool[], $35::float8[], $36::bigint[])
      as t(item_id, ends, extension_count, current_price, leader_id, leader_max, leader_bid_id,
        bid_count, bidder_count, reserve_met, buy_now_available, decided, sequence)
    where lots.item_id = t.item_id
  ), told as (
    insert into outbox (id, events)
    select $37::uuid, $38::json where $37::uuid is not null
  )
  select count(*)::int as written from written`

/** A key that another transaction used in the same instant, for a bid on another lot. */
export class IdempotencyRaceError extends Error {
  override readonly name = 'IdempotencyRaceError'
}

/** Writes ledger, lots, numbers and outbox in one statement. Every lot must be locked. */
export async function writeBatch(client: ClientBase, write: BatchWrite): Promise<void> {
  const { rows } = await client.query<{ written: number }>({
    name: 'write-batch',
    text: WRITE_BATCH,
    values: [
      ...bidColumns(write.bids),
      ...bidderColumns(write.bidders),
      ...lotColumns(write.lots),
      write.outbox?.id ?? null,
      write.outbox?.events ?? null,
    ],
  })
  if (rows[0]?.written !== write.bids.length) throw new IdempotencyRaceError()
}

function bidColumns(bids: BidRecord[]): string[] {
  const columns = new ColumnArray(20)
  // In key order, so that two processes given the same keys in opposite orders wait for each other
  // in a line and not in a circle. The place in the ledger is in `sequence`, not in this order.
  const ordered = bids.toSorted(
    (a, b) =>
      compare(a.bidderId, b.bidderId) || compare(a.idempotencyKey ?? '', b.idempotencyKey ?? ''),
  )
  for (const bid of ordered) {
    if (bid.outcome === 'refused') {
      columns.push(
        bid.bidId,
        bid.itemId,
        bid.bidderId,
        'manual',
        bid.outcome,
        bid.maxAmount,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        bid.refusalCode,
        bid.refusalDetails === null ? null : JSON.stringify(bid.refusalDetails),
        bid.idempotencyKey,
        bid.requestHash,
        bid.decidedAtMs,
        bid.recordedAtMs,
      )
    } else {
      columns.push(
        bid.bidId,
        bid.itemId,
        bid.bidderId,
        bid.kind,
        bid.outcome,
        bid.maxAmount,
        bid.price,
        bid.minNextBid,
        bid.bidCount,
        bid.reserveMet,
        bid.endsAtMs,
        bid.extended,
        bid.sequence,
        bid.kind === 'auto' ? bid.triggerBidId : null,
        null,
        null,
        bid.idempotencyKey,
        bid.requestHash,
        bid.decidedAtMs,
        bid.recordedAtMs,
      )
    }
  }
  return columns.literals()
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

function bidderColumns(bidders: BatchWrite['bidders']): string[] {
  const columns = new ColumnArray(3)
  for (const bidder of bidders) columns.push(bidder.itemId, bidder.bidderId, bidder.number)
  return columns.literals()
}

function lotColumns(lots: Lot[]): string[] {
  const columns = new ColumnArray(13)
  for (const lot of lots) {
    columns.push(
      lot.itemId,
      lot.endsAtMs,
      lot.extensionCount,
      lot.currentPrice,
      lot.leaderId,
      lot.leaderMax,
      lot.leaderBidId,
      lot.bidCount,
      lot.bidderCount,
      lot.reserveMet,
      lot.buyNowAvailable,
      lot.lastDecidedAtMs,
      lot.sequence,
    )
  }
  return columns.literals()
}
