import type { ClientBase } from 'pg'
import type { AcceptedBid, DecidedBid } from '#src/domain/bid-record.ts'
import type { RefusalCode } from '#src/domain/judge.ts'
import type { Lot } from '#src/domain/lot.ts'
import { ColumnArray } from './column-array.ts'

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

const NOBODY: ReadonlySet<string> = new Set()

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
  const blocked = blockedPairs === null ? NOBODY : new Set(blockedPairs)
  return {
    nowMs,
    barredIds: barredIds === null ? NOBODY : new Set(barredIds),
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

/** A column that a row of this outcome always has; its constraint in the table says the same. */
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
