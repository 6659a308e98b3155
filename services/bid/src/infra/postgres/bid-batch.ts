import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { type ClientBase, DatabaseError, type QueryConfig } from 'pg'
import type { AcceptedBid, BidRecord, DecidedBid } from '#src/domain/bid-record.ts'
import type { RefusalCode } from '#src/domain/judge.ts'
import type { Lot } from '#src/domain/lot.ts'
import { ColumnArray } from './column-array.ts'
import { inOneFlight } from './flight.ts'
import { LOT_COLUMNS, type LotRow, toLot } from './lots.ts'
import { type PurchasesWrite, writePurchases } from './purchases.ts'
import { type KeyedRefusal, writeRefusals } from './refusals.ts'

// Plans of prepared statements are kept. One that was made while a table was small, or before its
// statistics were, would read whole tables for a batch of rows: on 18,000 lots that halved the rate
// again and again. Every access of a batch is by key, so nothing else may be planned.
const PLAN_BY_KEY = `set local enable_seqscan = off; set local enable_hashjoin = off;
  set local enable_mergejoin = off`

const beginBatch = (client: ClientBase, lockTimeoutMs: number) =>
  client.query(`begin; set local lock_timeout = ${lockTimeoutMs}; ${PLAN_BY_KEY}`)

export interface LockedLots {
  lots: Map<string, Lot>
  /** Lots that exist, but another transaction holds them. */
  held: ReadonlySet<string>
}

const NONE_HELD: ReadonlySet<string> = new Set()

/**
 * Begins the transaction of a batch, locks those of its lots that no other transaction holds, and
 * waits for none. READ COMMITTED: every later statement sees what the previous lock holder
 * committed. No other lock is waited for longer than `lockTimeoutMs`.
 */
export async function beginWithFreeLots(
  client: ClientBase,
  itemIds: string[],
  lockTimeoutMs: number,
): Promise<LockedLots> {
  const [, { rows }] = await inOneFlight([
    beginBatch(client, lockTimeoutMs),
    client.query<LotRow>({
      name: 'lock-free-lots',
      text: `select ${LOT_COLUMNS} from lots where item_id = any($1::uuid[])
        order by item_id for update skip locked`,
      values: [`{${itemIds.join(',')}}`],
    }),
  ])
  const lots = new Map(rows.map((row) => [row.itemId, toLot(row)]))
  if (lots.size === itemIds.length) return { lots, held: NONE_HELD }
  // Those that are left are held, or do not exist.
  const missing = itemIds.filter((itemId) => !lots.has(itemId))
  const { rows: existing } = await client.query<{ itemId: string }>({
    name: 'held-lots',
    text: 'select item_id as "itemId" from lots where item_id = any($1::uuid[])',
    values: [`{${missing.join(',')}}`],
  })
  return { lots, held: new Set(existing.map(({ itemId }) => itemId)) }
}

/**
 * Begins a transaction and waits for the lock of one lot. The transaction holds no other lot, and a batch
 * waits for none, so no two can wait in a circle. Those that wait for a row forget their order with each update of it,
 * and with several replicas one could wait for ever; so only the first in line waits for the row.
 */
export async function beginWithLot(
  client: ClientBase,
  itemId: string,
  lockTimeoutMs: number,
): Promise<LockedLots> {
  const [, , { rows }] = await inOneFlight([
    beginBatch(client, lockTimeoutMs),
    client.query({
      name: 'line-of-lot',
      text: `select pg_advisory_xact_lock(${ADVISORY_LOCKS.lineOfLot}, hashtext($1))`,
      values: [itemId],
    }),
    client.query<LotRow>({
      name: 'wait-for-lot',
      text: `select ${LOT_COLUMNS} from lots where item_id = $1 for update`,
      values: [itemId],
    }),
  ])
  return { lots: new Map(rows.map((row) => [row.itemId, toLot(row)])), held: NONE_HELD }
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
  b.sequence::float8 as sequence, b.silent_raise as "silentRaise",
  b.refusal_code as "refusalCode", b.refusal_details as "refusalDetails",
  b.idempotency_key as "idempotencyKey", b.request_hash as "requestHash",
  (extract(epoch from b.decided_at) * 1000)::float8 as "decidedAtMs",
  (extract(epoch from b.recorded_at) * 1000)::float8 as "recordedAtMs"`

// In the order of STORED_COLUMNS.
const REFUSAL_COLUMNS = `
  r.bid_id, r.item_id, r.bidder_id, 'manual', 'refused', r.max_amount, null, null, null, null, null, null,
  null, null, r.refusal_code, r.refusal_details, r.idempotency_key, r.request_hash,
  (extract(epoch from r.decided_at) * 1000)::float8,
  (extract(epoch from r.recorded_at) * 1000)::float8`

const REPEAT_WINDOW_MS = 3_000
// A bid may be recorded two seconds after the instant that it was decided for (R-BID-10), and both
// are rounded.
const DECIDED_WINDOW_MS = REPEAT_WINDOW_MS + 2_100

const epochMs = (instant: string) => `(extract(epoch from ${instant}) * 1000)::float8`

// A statement of its own after the lock: now() would be the start of the transaction, and a
// condition on the clock inside the locking statement would not be evaluated again after a wait.
// The clock is read before anything else: in the select list it would be read after the look-ups,
// and a bid would count as late by the time they took. Who may not bid is read here too, so a
// suspension or a block that came during the wait counts.
// Only a bidder who has a number on the lot can have a former bid there, and a lot that was quiet
// has none that is young enough.
const CLOCK_AND_REPEATS = `
  with clock as materialized (
    select clock_timestamp() as at
  ), numbered as materialized (
    select b.item_id, b.bidder_id, b.number, k.decided, k.hash
    from unnest($7::uuid[], $8::uuid[], $9::float8[], $10::text[])
      as k(bidder_id, item_id, decided, hash)
    join lot_bidders b on b.item_id = k.item_id and b.bidder_id = k.bidder_id
  )
  select ${epochMs('clock.at')} as "nowMs",
    (select array_agg(user_id::text) from bidder_standings
      where user_id = any($11::uuid[]) and standing <> 'ok') as "barredIds",
    (select array_agg(distinct seller_id || ' ' || bidder_id) from seller_blocks
      join unnest($12::uuid[], $13::uuid[]) as k(seller_id, bidder_id) using (seller_id, bidder_id)
    ) as "blockedPairs",
    case when row_number() over () = 1 then
      (select json_agg(json_build_array(item_id, bidder_id, number)) from numbered)
    end as numbers,
    stored.*,
    ${epochMs('clock_timestamp()')} as "doneMs"
  from clock
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
    select recent.* from (
      select * from unnest($3::uuid[], $4::uuid[], $5::float8[], $6::text[])
        as k(bidder_id, item_id, decided, hash)
      union all
      select bidder_id, item_id, decided, hash from numbered
    ) q
    cross join lateral (
      select ${STORED_COLUMNS} from bids b
      where b.bidder_id = q.bidder_id and b.item_id = q.item_id
        and b.sequence is not null and b.kind <> 'auto'
      order by b.sequence desc, b.silent_raise desc limit 1
    ) recent
    where q.decided > ${epochMs('clock.at')} - ${DECIDED_WINDOW_MS}
      and recent."idempotencyKey" is null and recent."requestHash" = q.hash
      and recent."recordedAtMs" > ${epochMs('clock.at')} - ${REPEAT_WINDOW_MS}
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
  silentRaise: number | null
  refusalCode: RefusalCode | null
  refusalDetails: Record<string, unknown> | null
  idempotencyKey: string | null
  requestHash: string | null
  decidedAtMs: number
  recordedAtMs: number
}

type NumberedPair = [itemId: string, bidderId: string, number: number]

type StoredRow = (StoredBid | { bidId: null }) & {
  nowMs: number
  doneMs: number
  barredIds: string[] | null
  blockedPairs: string[] | null
  numbers: NumberedPair[] | null
}

const NO_USERS: ReadonlySet<string> = new Set()

export interface BidderNumber {
  itemId: string
  bidderId: string
  number: number
}

export interface ClockAndRepeats {
  /** The clock of the database, read under the locks and before anything else. */
  nowMs: number
  /** The same clock when the look-ups were done. */
  doneMs: number
  /** The bidders among those who ask that may not bid at present. */
  barredIds: ReadonlySet<string>
  /** Of those, whose bids the seller of their lot does not take. */
  isBlocked(sellerId: string, bidderId: string): boolean
  /** The numbers of bidders whose number was not remembered and who have bid before. */
  numbers: BidderNumber[]
  /** Answers to the same requests when they came before. */
  stored: DecidedBid[]
}

/**
 * Reads everything a batch needs to know apart from its lots, in one statement. `numberOf` answers
 * the numbers that are known already.
 */
export async function readClockAndRepeats(
  client: ClientBase,
  lookups: readonly RepeatLookup[],
  lots: ReadonlyMap<string, Lot>,
  numberOf: (itemId: string, bidderId: string) => number | undefined,
): Promise<ClockAndRepeats> {
  const { rows } = await client.query<StoredRow>({
    name: 'clock-and-repeats',
    text: CLOCK_AND_REPEATS,
    values: lookupColumns(lookups, lots, numberOf),
  })
  const [first] = rows
  const last = rows.at(-1)
  if (first === undefined || last === undefined) {
    throw new Error('PostgreSQL did not answer the time')
  }
  const { nowMs, barredIds, blockedPairs, numbers } = first
  const blocked = blockedPairs === null ? NO_USERS : new Set(blockedPairs)
  return {
    nowMs,
    doneMs: last.doneMs,
    barredIds: barredIds === null ? NO_USERS : new Set(barredIds),
    isBlocked: (sellerId, bidderId) => blocked.size > 0 && blocked.has(`${sellerId} ${bidderId}`),
    numbers: (numbers ?? []).map(([itemId, bidderId, number]) => ({ itemId, bidderId, number })),
    stored: rows.flatMap((row) => (row.bidId === null ? [] : [toDecidedBid(row)])),
  }
}

/** The database's clock, in milliseconds since 1970. */
export async function readServerClock(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ nowMs: number }>({
    name: 'server-clock',
    text: 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs"',
  })
  const [row] = rows
  if (row === undefined) throw new Error('PostgreSQL did not answer the time')
  return row.nowMs
}

function lookupColumns(
  lookups: readonly RepeatLookup[],
  lots: ReadonlyMap<string, Lot>,
  numberOf: (itemId: string, bidderId: string) => number | undefined,
): string[] {
  const keyed = new ColumnArray(2)
  const remembered = new ColumnArray(4)
  const unremembered = new ColumnArray(4)
  const asking = new ColumnArray(2)
  const pairs = new Set<string>()
  const formers = new Set<string>()
  for (const { itemId, bidderId, idempotencyKey, requestHash } of lookups) {
    if (idempotencyKey !== null) keyed.push(bidderId, idempotencyKey)
    const lot = lots.get(itemId)
    if (lot === undefined) continue
    const pair = `${itemId} ${bidderId}`
    if (!pairs.has(pair)) asking.push(lot.sellerId, bidderId)
    pairs.add(pair)
    // Only a bid without a key is compared with the bidder's last one.
    const hash = idempotencyKey === null ? requestHash : null
    const former = `${pair} ${hash}`
    if (lot.bidderCount === 0 || formers.has(former)) continue
    formers.add(former)
    if (numberOf(itemId, bidderId) === undefined) {
      unremembered.push(bidderId, itemId, lot.lastDecidedAtMs, hash)
    } else if (hash !== null) remembered.push(bidderId, itemId, lot.lastDecidedAtMs, hash)
  }
  const bidderIds = new Set(lookups.map(({ bidderId }) => bidderId))
  return [
    ...keyed.literals(),
    ...remembered.literals(),
    ...unremembered.literals(),
    `{${[...bidderIds].join(',')}}`,
    ...asking.literals(),
  ]
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
    minNextBid: row.minNextBid,
    bidCount: stored(row, 'bidCount'),
    reserveMet: stored(row, 'reserveMet'),
    endsAtMs: stored(row, 'endsAtMs'),
    extended: stored(row, 'extended'),
    sequence: stored(row, 'sequence'),
    silentRaise: stored(row, 'silentRaise'),
  }
}

/** A column that every row of this outcome was written with. */
function stored<K extends keyof StoredBid>(row: StoredBid, column: K): NonNullable<StoredBid[K]> {
  const value = row[column]
  if (value === null) throw new Error(`bid ${row.bidId} is stored without ${column}`)
  return value
}

export interface BatchWrite {
  bids: BidRecord[]
  lots: Lot[]
  bidders: BidderNumber[]
  /** One outbox row for the whole commit, or null when there are no events. */
  outbox: { id: string; events: string } | null
}

const INSTANT = (name: string) => `to_timestamp(${name} / 1000.0)`

const WRITE_BATCH = `
  with written as (
    insert into bids (id, item_id, bidder_id, kind, outcome, max_amount, price,
      min_next_bid, bid_count, reserve_met, ends_at, extended, sequence, silent_raise,
      trigger_bid_id, refusal_code, refusal_details, idempotency_key, request_hash, decided_at,
      recorded_at)
    select id, item_id, bidder_id, kind, outcome, max_amount, price,
      min_next_bid, bid_count, reserve_met, ${INSTANT('ends')}, extended, sequence, silent_raise,
      trigger_bid_id, refusal_code, refusal_details, idempotency_key, request_hash,
      ${INSTANT('decided')}, ${INSTANT('recorded')}
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[],
      $7::bigint[], $8::bigint[], $9::int[], $10::bool[], $11::float8[], $12::bool[],
      $13::bigint[], $14::int[], $15::uuid[], $16::text[], $17::json[], $18::text[], $19::text[],
      $20::float8[], $21::float8[])
      as t(id, item_id, bidder_id, kind, outcome, max_amount, price, min_next_bid,
        bid_count, reserve_met, ends, extended, sequence, silent_raise, trigger_bid_id,
        refusal_code, refusal_details, idempotency_key, request_hash, decided, recorded)
  ), numbered as (
    insert into lot_bidders (item_id, bidder_id, number)
    select * from unnest($22::uuid[], $23::uuid[], $24::int[])
  ), changed as (
    update lots set ends_at = ${INSTANT('t.ends')}, extension_count = t.extension_count,
      current_price = t.current_price, leader_id = t.leader_id, leader_max = t.leader_max,
      leader_bid_id = t.leader_bid_id, bid_count = t.bid_count, bidder_count = t.bidder_count,
      silent_raises = t.silent_raises, reserve_met = t.reserve_met,
      buy_now_available = t.buy_now_available, last_decided_at = ${INSTANT('t.decided')},
      sequence = t.sequence, updated_at = clock_timestamp()
    from unnest($25::uuid[], $26::float8[], $27::int[], $28::bigint[], $29::uuid[], $30::bigint[],
      $31::uuid[], $32::int[], $33::int[], $34::int[], $35::bool[], $36::bool[], $37::float8[],
      $38::bigint[])
      as t(item_id, ends, extension_count, current_price, leader_id, leader_max, leader_bid_id,
        bid_count, bidder_count, silent_raises, reserve_met, buy_now_available, decided, sequence)
    where lots.item_id = t.item_id
  )
  insert into outbox (id, events)
  select $39::uuid, $40::json where $39::uuid is not null`

/** A key that another transaction used in the same instant, for a bid on another lot. */
export class IdempotencyRaceError extends Error {
  override readonly name = 'IdempotencyRaceError'
}

/**
 * Writes a batch and commits it, in one flight: the commit is sent before the writes are answered.
 * After one that failed PostgreSQL answers it with a rollback, so a write that did not do all it
 * should must fail in SQL, and never by what its answer says. Every lot must be locked. Throws when
 * nothing was committed, or when a lost connection leaves that unknown.
 */
export async function commitBatch(
  client: ClientBase,
  write: BatchWrite,
  refusals: KeyedRefusal[],
  purchases: PurchasesWrite | null = null,
): Promise<void> {
  // Both are built before anything is sent: a commit behind one that was not would commit half a batch.
  const writes: QueryConfig[] = []
  if (write.bids.length > 0 || purchases !== null) writes.push(writeBatch(write))
  if (purchases !== null) writes.push(writePurchases(purchases))
  if (refusals.length > 0) writes.push(writeRefusals(refusals))
  const sent = writes.map((statement) => client.query(statement))
  const committed = client.query('commit')
  try {
    await inOneFlight([...sent, committed])
  } catch (error) {
    if (isKeyUsed(error)) throw new IdempotencyRaceError()
    throw error
  }
  // Answers that contradict each other must never count as a commit.
  const { command } = await committed
  if (command !== 'COMMIT') throw new Error(`the commit of a batch was answered with ${command}`)
}

/** Writes ledger, lots, numbers and outbox. */
const writeBatch = (write: BatchWrite): QueryConfig => ({
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

/** The unique index of keys refused the row: another transaction has committed the same key. */
const isKeyUsed = (error: unknown) =>
  error instanceof DatabaseError &&
  (error.constraint === 'bids_idempotency' || error.constraint === 'purchases_idempotency')

function bidColumns(bids: BidRecord[]): string[] {
  const columns = new ColumnArray(21)
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
      bid.silentRaise,
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
  const columns = new ColumnArray(14)
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
      lot.silentRaises,
      lot.reserveMet,
      lot.buyNowAvailable,
      lot.lastDecidedAtMs,
      lot.sequence,
    )
  }
  return columns.literals()
}
