import type { ClientBase } from 'pg'
import type { AcceptedBid, BidRecord, DecidedBid } from '#src/domain/bid-record.ts'
import type { RefusalCode } from '#src/domain/judge.ts'
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

/** How a request is recognised when it comes again: by its key, or for 3 seconds by its content. */
export interface RepeatLookup {
  bidderId: string
  itemId: string
  idempotencyKey: string | null
  requestHash: string
}

const STORED_COLUMNS = `
  b.id as "bidId", b.item_id as "itemId", b.bidder_id as "bidderId",
  b.kind, b.outcome, b.max_amount as "maxAmount", b.price,
  b.min_next_bid as "minNextBid", b.bid_count as "bidCount", b.reserve_met as "reserveMet",
  (extract(epoch from b.ends_at) * 1000)::float8 as "endsAtMs", b.extended,
  b.sequence::float8 as sequence,
  b.refusal_code as "refusalCode", b.refusal_details as "refusalDetails",
  b.idempotency_key as "idempotencyKey", b.request_hash as "requestHash",
  (extract(epoch from b.decided_at) * 1000)::float8 as "decidedAtMs",
  (extract(epoch from b.recorded_at) * 1000)::float8 as "recordedAtMs"`

// In the order of STORED_COLUMNS.
const REFUSAL_COLUMNS = `
  r.bid_id, r.item_id, r.bidder_id, 'manual', 'refused', r.max_amount, null, null, null, null, null, null,
  null, r.refusal_code, r.refusal_details, r.idempotency_key, r.request_hash,
  (extract(epoch from r.decided_at) * 1000)::float8,
  (extract(epoch from r.recorded_at) * 1000)::float8`

// A statement of its own after the lock: now() would be the start of the transaction, and a
// condition on the clock inside the locking statement would not be evaluated again after a wait.
// Who may not bid is read here too, so a suspension or a block that came during the wait counts.
const CLOCK_AND_REPEATS = `
  select (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs",
    (select array_agg(user_id::text) from bidder_standings
      where user_id = any($6::uuid[]) and standing <> 'ok') as "barredIds",
    (select array_agg(distinct seller_id || ' ' || bidder_id) from seller_blocks
      join unnest($7::uuid[], $8::uuid[]) as k(seller_id, bidder_id) using (seller_id, bidder_id)
    ) as "blockedPairs",
    stored.*
  from (select 1) one
  left join lateral (
    select ${STORED_COLUMNS} from bids b
    join unnest($1::uuid[], $2::text[]) as k(bidder_id, key)
      on b.bidder_id = k.bidder_id and b.idempotency_key = k.key
    union all
    select ${REFUSAL_COLUMNS} from refusals r
    join unnest($1::uuid[], $2::text[]) as k(bidder_id, key)
      on r.bidder_id = k.bidder_id and r.idempotency_key = k.key
    -- So that the weeks to come are not searched.
    where r.recorded_at < statement_timestamp() + interval '1 hour'
    union all
    select recent.* from unnest($3::uuid[], $4::uuid[], $5::text[]) as q(bidder_id, item_id, hash)
    cross join lateral (
      select ${STORED_COLUMNS} from bids b
      where b.bidder_id = q.bidder_id and b.item_id = q.item_id
        and b.sequence is not null and b.kind <> 'auto'
      order by b.sequence desc limit 1
    ) recent
    where recent."idempotencyKey" is null and recent."requestHash" = q.hash
      and recent."recordedAtMs" > extract(epoch from clock_timestamp()) * 1000 - 3000
  ) stored on true`

/** The columns of a row of the ledger; which of them are null depends on the outcome. */
interface StoredBid {
  bidId: string
  itemId: string
  bidderId: string
  kind: AcceptedBid['kind']
  outcome: DecidedBid['outcome']
  maxAmount: bigint | null
  price: bigint | null
  minNextBid: bigint | null
  bidCount: number | null
  reserveMet: boolean | null
  endsAtMs: number | null
  extended: boolean | null
  sequence: number | null
  refusalCode: RefusalCode | null
  refusalDetails: Record<string, unknown> | null
  idempotencyKey: string | null
  requestHash: string | null
  decidedAtMs: number
  recordedAtMs: number
}

type StoredRow = (StoredBid | { bidId: null }) & {
  nowMs: number
  barredIds: string[] | null
  blockedPairs: string[] | null
}

const NO_USERS: ReadonlySet<string> = new Set()

export interface ClockAndRepeats {
  nowMs: number
  /** The bidders among those who ask that may not bid at present. */
  barredIds: ReadonlySet<string>
  /** Of those, whose bids the seller of their lot does not take. */
  isBlocked(sellerId: string, bidderId: string): boolean
  /** Answers to the same requests when they came before. */
  stored: DecidedBid[]
}

/** Reads everything a batch needs to know apart from its lots, in one statement. */
export async function readClockAndRepeats(
  client: ClientBase,
  lookups: RepeatLookup[],
  lots: ReadonlyMap<string, Lot>,
): Promise<ClockAndRepeats> {
  const keyed = new ColumnArray(2)
  const unkeyed = new ColumnArray(3)
  const asking = new ColumnArray(2)
  for (const lookup of lookups) {
    const lot = lots.get(lookup.itemId)
    if (lot !== undefined) asking.push(lot.sellerId, lookup.bidderId)
    if (lookup.idempotencyKey === null) {
      unkeyed.push(lookup.bidderId, lookup.itemId, lookup.requestHash)
    } else {
      keyed.push(lookup.bidderId, lookup.idempotencyKey)
    }
  }
  const bidderIds = new Set(lookups.map(({ bidderId }) => bidderId))
  const { rows } = await client.query<StoredRow>({
    name: 'clock-and-repeats',
    text: CLOCK_AND_REPEATS,
    values: [
      ...keyed.literals(),
      ...unkeyed.literals(),
      `{${[...bidderIds].join(',')}}`,
      ...asking.literals(),
    ],
  })
  const first = rows[0]
  if (first === undefined) throw new Error('PostgreSQL did not answer the time')
  const { nowMs, barredIds, blockedPairs } = first
  const blocked = blockedPairs === null ? NO_USERS : new Set(blockedPairs)
  return {
    nowMs,
    barredIds: barredIds === null ? NO_USERS : new Set(barredIds),
    isBlocked: (sellerId, bidderId) => blocked.size > 0 && blocked.has(`${sellerId} ${bidderId}`),
    stored: rows.flatMap((row) => (row.bidId === null ? [] : [toDecidedBid(row)])),
  }
}

function toDecidedBid(row: StoredBid): DecidedBid {
  const recorded = {
    bidId: row.bidId,
    itemId: row.itemId,
    bidderId: row.bidderId,
    idempotencyKey: row.idempotencyKey,
    requestHash: row.requestHash,
    decidedAtMs: row.decidedAtMs,
    recordedAtMs: row.recordedAtMs,
  }
  if (row.outcome === 'refused') {
    return {
      ...recorded,
      outcome: row.outcome,
      maxAmount: row.maxAmount,
      refusalCode: stored(row, 'refusalCode'),
      refusalDetails: row.refusalDetails,
    }
  }
  return {
    ...recorded,
    outcome: row.outcome,
    kind: row.kind,
    maxAmount: stored(row, 'maxAmount'),
    price: stored(row, 'price'),
    minNextBid: stored(row, 'minNextBid'),
    bidCount: stored(row, 'bidCount'),
    reserveMet: stored(row, 'reserveMet'),
    endsAtMs: stored(row, 'endsAtMs'),
    extended: stored(row, 'extended'),
    sequence: stored(row, 'sequence'),
  }
}

/** A column that every row of this outcome was written with. */
function stored<K extends keyof StoredBid>(row: StoredBid, column: K): NonNullable<StoredBid[K]> {
  const value = row[column]
  if (value === null) throw new Error(`bid ${row.bidId} is stored without ${column}`)
  return value
}

/** The per-lot numbers of bidders who have bid before; the others are absent. */
export async function readBidderNumbers(
  client: ClientBase,
  pairs: { itemId: string; bidderId: string }[],
): Promise<{ itemId: string; bidderId: string; number: number }[]> {
  const columns = new ColumnArray(2)
  for (const pair of pairs) columns.push(pair.itemId, pair.bidderId)
  const { rows } = await client.query<{ itemId: string; bidderId: string; number: number }>({
    name: 'bidder-numbers',
    text: `select b.item_id as "itemId", b.bidder_id as "bidderId", b.number
      from unnest($1::uuid[], $2::uuid[]) as k(item_id, bidder_id)
      join lot_bidders b on b.item_id = k.item_id and b.bidder_id = k.bidder_id`,
    values: columns.literals(),
  })
  return rows
}

export interface BatchWrite {
  bids: BidRecord[]
  lots: Lot[]
  bidders: { itemId: string; bidderId: string; number: number }[]
  /** One outbox row for the whole commit, or null when there are no events. */
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
  ), published as (
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
