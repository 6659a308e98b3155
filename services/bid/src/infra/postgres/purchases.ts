import { type Kysely, sql, type Transaction } from 'kysely'
import type { ClientBase, QueryConfig } from 'pg'
import type { RecordedPurchase } from '#src/domain/bid-record.ts'
import type { ReleaseEntry } from '#src/domain/ledger.ts'
import type { Lot } from '#src/domain/lot.ts'
import { ColumnArray } from './column-array.ts'
import { inOneFlight } from './flight.ts'
import { LOT_COLUMNS, type LotRow, type LotsPage, toLot } from './lots.ts'
import type { Database } from './schema.ts'

/** How a purchase is recognised when it comes again: by its key, or for 3 seconds by its content. */
export interface PurchaseLookup {
  bidderId: string
  itemId: string
  idempotencyKey: string | null
  requestHash: string
}

export interface FormerPurchases {
  stored: RecordedPurchase[]
  /** How often a buyer has let a reservation of a lot lapse, or has ended one, as far as that is written down. */
  lapsed(itemId: string, buyerId: string): number
  /** All who bid on each of the lots before this batch. */
  bidders: Map<string, string[]>
}

const REPEAT_WINDOW_SECONDS = 3

const epochMs = (instant: string) => `(extract(epoch from ${instant}) * 1000)::float8`

const STORED_COLUMNS = `
  p.id as "bidId", p.item_id as "itemId", p.buyer_id as "bidderId",
  case when p.reserved_until is null then 'bought_now' else 'reserved' end as outcome, p.round,
  p.terms_version as "termsVersion", p.amount, ${epochMs('p.reserved_until')} as "reservedUntilMs",
  ${epochMs('p.ends_at')} as "endsAtMs", p.sequence::float8 as sequence,
  p.idempotency_key as "idempotencyKey", p.request_hash as "requestHash",
  ${epochMs('p.decided_at')} as "decidedAtMs", ${epochMs('p.recorded_at')} as "recordedAtMs"`

/** Reads what only purchases need to know, under the locks of their lots. Batches without one never come here. */
export async function readFormerPurchases(
  client: ClientBase,
  lookups: readonly PurchaseLookup[],
  lots: ReadonlyMap<string, Lot>,
): Promise<FormerPurchases> {
  const columns = new ColumnArray(4)
  for (const { bidderId, itemId, idempotencyKey, requestHash } of lookups) {
    columns.push(bidderId, itemId, idempotencyKey, requestHash)
  }
  const asked = columns.literals()
  const withBids = new Set(
    lookups.map(({ itemId }) => itemId).filter((itemId) => (lots.get(itemId)?.bidCount ?? 0) > 0),
  )
  const [stored, lapsed, bidders] = await inOneFlight([
    client.query<RecordedPurchase>({
      name: 'former-purchases',
      text: `select ${STORED_COLUMNS}
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) as k(buyer_id, item_id, key, hash)
        join purchases p on p.buyer_id = k.buyer_id and (
          p.idempotency_key = k.key
          or (k.key is null and p.idempotency_key is null and p.item_id = k.item_id and p.request_hash = k.hash
            and p.recorded_at > statement_timestamp() - interval '${REPEAT_WINDOW_SECONDS} seconds'))`,
      values: asked,
    }),
    client.query<{ pair: string; count: number }>({
      name: 'lapsed-reservations',
      text: `select p.item_id || ' ' || p.buyer_id as pair, count(*)::int as count
        from (select distinct buyer_id, item_id from unnest($1::uuid[], $2::uuid[]) as k(buyer_id, item_id)) k
        join purchases p on p.buyer_id = k.buyer_id and p.item_id = k.item_id
        join reservation_ends e on e.purchase_id = p.id and (e.reason = 'lapsed' or e.is_by_buyer)
        group by 1`,
      values: asked.slice(0, 2),
    }),
    client.query<{ itemId: string; bidderId: string }>({
      name: 'bidders-of-lots',
      text: `select item_id as "itemId", bidder_id as "bidderId" from lot_bidders
        where item_id = any($1::uuid[]) order by item_id, number`,
      values: [`{${[...withBids].join(',')}}`],
    }),
  ])
  const counts = new Map(lapsed.rows.map(({ pair, count }) => [pair, count]))
  const ofLots = new Map<string, string[]>()
  for (const [itemId, rows] of Map.groupBy(bidders.rows, (row) => row.itemId)) {
    ofLots.set(
      itemId,
      rows.map(({ bidderId }) => bidderId),
    )
  }
  return {
    stored: stored.rows,
    lapsed: (itemId, buyerId) => counts.get(`${itemId} ${buyerId}`) ?? 0,
    bidders: ofLots,
  }
}

/** A reservation that ended unpaid. */
export interface Released {
  itemId: string
  entry: ReleaseEntry
}

/** What a batch wrote of purchases; `lots` are those of both, as they are at the end of the batch. */
export interface PurchasesWrite {
  purchases: RecordedPurchase[]
  released: Released[]
  lots: Lot[]
  recordedAtMs: number
}

const INSTANT = (name: string) => `to_timestamp(${name} / 1000.0)`

/**
 * The statement that stores the purchases and the ends of reservations of a batch, and what they did to their lots.
 * The results are unique by lot and round: a lot that was sold already takes the whole batch with it.
 */
export function writePurchases(write: PurchasesWrite): QueryConfig {
  const { recordedAtMs } = write
  const purchases = new ColumnArray(12)
  for (const each of write.purchases) {
    purchases.push(
      each.bidId,
      each.itemId,
      each.round,
      each.bidderId,
      each.termsVersion,
      each.amount,
      each.reservedUntilMs,
      each.endsAtMs,
      each.sequence,
      each.idempotencyKey,
      each.requestHash,
      each.decidedAtMs,
    )
  }
  const released = new ColumnArray(5)
  for (const { itemId, entry } of write.released) {
    released.push(entry.purchaseId, itemId, entry.reason, entry.sequence, entry.decidedAtMs)
  }
  const lots = new ColumnArray(10)
  for (const lot of write.lots) {
    lots.push(
      lot.itemId,
      lot.round,
      lot.phase,
      lot.purchaseId,
      lot.reservedFor,
      lot.reservedUntilMs,
      lot.outcome,
      lot.winnerId,
      lot.finalAmount,
      lot.bidCount,
    )
  }
  return {
    name: 'write-purchases',
    text: `with bought as (
        insert into purchases (id, item_id, round, buyer_id, terms_version, amount, reserved_until, ends_at,
          sequence, idempotency_key, request_hash, decided_at, recorded_at)
        select id, item_id, round, buyer_id, terms_version, amount, ${INSTANT('reserved')}, ${INSTANT('ends')},
          sequence, idempotency_key, request_hash, ${INSTANT('decided')}, ${INSTANT('$28::float8')}
        from unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::int[], $6::bigint[], $7::float8[],
          $8::float8[], $9::bigint[], $10::text[], $11::text[], $12::float8[])
          as t(id, item_id, round, buyer_id, terms_version, amount, reserved, ends, sequence,
            idempotency_key, request_hash, decided)
      ), released as (
        insert into reservation_ends (purchase_id, item_id, reason, sequence, decided_at)
        select purchase_id, item_id, reason, sequence, ${INSTANT('decided')}
        from unnest($13::uuid[], $14::uuid[], $15::text[], $16::bigint[], $17::float8[])
          as t(purchase_id, item_id, reason, sequence, decided)
      ), moved as (
        select * from unnest($18::uuid[], $19::int[], $20::text[], $21::uuid[], $22::uuid[], $23::float8[],
          $24::text[], $25::uuid[], $26::bigint[], $27::int[])
          as t(item_id, round, phase, purchase_id, reserved_for, reserved, outcome, winner_id, final_amount,
            bid_count)
      ), sold as (
        insert into results (item_id, round, outcome, winner_id, final_amount, bid_count, closed_at)
        select item_id, round, outcome, winner_id, final_amount, bid_count, ${INSTANT('$28::float8')}
        from moved where phase = 'closed'
      )
      update lots set phase = moved.phase, purchase_id = moved.purchase_id,
        reserved_for = moved.reserved_for, reserved_until = ${INSTANT('moved.reserved')},
        outcome = moved.outcome, winner_id = moved.winner_id, final_amount = moved.final_amount,
        closed_at = case when moved.phase = 'closed' then ${INSTANT('$28::float8')} end
      from moved where lots.item_id = moved.item_id`,
    values: [...purchases.literals(), ...released.literals(), ...lots.literals(), recordedAtMs],
  }
}

/** Records how a reservation ended, beside a change of its lot. */
export async function insertReservationEnd(
  tx: Transaction<Database>,
  itemId: string,
  end: Pick<ReleaseEntry, 'purchaseId' | 'sequence' | 'decidedAtMs'> & {
    reason: ReleaseEntry['reason'] | 'paid'
  },
  isByBuyer = false,
): Promise<void> {
  await tx
    .insertInto('reservation_ends')
    .values({
      purchase_id: end.purchaseId,
      item_id: itemId,
      reason: end.reason,
      is_by_buyer: isByBuyer,
      sequence: BigInt(end.sequence),
      decided_at: new Date(end.decidedAtMs),
    })
    .execute()
}

/** Locks lots whose reservation has been over for so long, skipping those another transaction holds. */
export async function lockLapsedLots(
  tx: Transaction<Database>,
  graceMs: number,
  { limit, exceptItemIds, onlyItemId }: LotsPage,
): Promise<Lot[]> {
  const only = onlyItemId === undefined ? sql`` : sql`and item_id = ${onlyItemId}`
  const { rows } = await sql<LotRow>`
    select ${sql.raw(LOT_COLUMNS)} from lots
    where phase = 'reserved'
      and reserved_until <= statement_timestamp() - make_interval(secs => ${graceMs / 1000})
      and item_id <> all(${exceptItemIds}::uuid[]) ${only}
    order by reserved_until
    limit ${limit}
    for update skip locked
  `.execute(tx)
  return rows.map(toLot)
}

/** How long the oldest reservation that should have ended has been over. */
export async function readReservationsOverdue(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    select greatest(0, coalesce(extract(epoch from statement_timestamp() - (
      select reserved_until from lots where phase = 'reserved' order by reserved_until limit 1)), 0))::float8
      as seconds`.execute(db)
  return rows[0]?.seconds ?? 0
}
