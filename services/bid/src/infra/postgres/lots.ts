import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { Pool } from 'pg'
import type { Lot } from '#src/domain/lot.ts'
import type { Outage } from '#src/domain/outage.ts'
import type { Database } from './schema.ts'

/** A lot as the queries below return it: instants as epoch milliseconds, counters as bigint. */
export type LotRow = Omit<
  Lot,
  | 'sequence'
  | 'extensionThresholdMs'
  | 'extensionDurationMs'
  | 'outageExtensionMs'
  | 'buyNowReservationMs'
> & {
  sequence: bigint
  extensionThresholdMs: bigint
  extensionDurationMs: bigint
  outageExtensionMs: bigint
  buyNowReservationMs: bigint
}

const epochMs = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`

/** The select list that makes a LotRow; every query that judges a lot uses this one. */
export const LOT_COLUMNS = `
  item_id as "itemId", seller_id as "sellerId", type, currency_code as "currencyCode", round,
  terms_version as "termsVersion", phase, start_price as "startPrice",
  bid_increment as "bidIncrement", reserve_price as "reservePrice",
  buy_now_price as "buyNowPrice", buy_now_mode as "buyNowMode",
  buy_now_reservation_ms as "buyNowReservationMs", deposit, ${epochMs('starts_at')} as "startsAtMs",
  ${epochMs('ends_at')} as "endsAtMs", ${epochMs('original_ends_at')} as "originalEndsAtMs",
  ${epochMs('hard_ends_at')} as "hardEndsAtMs",
  extension_threshold_ms as "extensionThresholdMs",
  extension_duration_ms as "extensionDurationMs", extension_mode as "extensionMode",
  max_extensions as "maxExtensions", extension_count as "extensionCount",
  ${epochMs('outage_extended_at')} as "outageExtendedAtMs",
  outage_extension_ms as "outageExtensionMs",
  current_price as "currentPrice", leader_id as "leaderId", leader_max as "leaderMax",
  leader_bid_id as "leaderBidId", bid_count as "bidCount", bidder_count as "bidderCount",
  silent_raises as "silentRaises", reserve_met as "reserveMet", buy_now_available as "buyNowAvailable",
  purchase_id as "purchaseId", reserved_for as "reservedFor",
  ${epochMs('reserved_until')} as "reservedUntilMs",
  ${epochMs('last_decided_at')} as "lastDecidedAtMs", sequence, outcome,
  final_amount as "finalAmount", winner_id as "winnerId"`

export function toLot(row: LotRow): Lot {
  return {
    ...row,
    sequence: Number(row.sequence),
    extensionThresholdMs: Number(row.extensionThresholdMs),
    extensionDurationMs: Number(row.extensionDurationMs),
    outageExtensionMs: Number(row.outageExtensionMs),
    buyNowReservationMs: Number(row.buyNowReservationMs),
  }
}

/** Locks the lot: until the commit only this transaction can change it. */
export async function lockLot(tx: Transaction<Database>, itemId: string): Promise<Lot | undefined> {
  const { rows } = await sql<LotRow>`
    select ${sql.raw(LOT_COLUMNS)} from lots where item_id = ${itemId} for update
  `.execute(tx)
  return rows[0] === undefined ? undefined : toLot(rows[0])
}

/** Which of the lots that are found a page of the closer takes. */
export interface LotsPage {
  limit: number
  exceptItemIds: readonly string[]
  onlyItemId?: string | undefined
}

/** When the end of a lot is due. */
export interface DueEnds {
  /** So long ago, at least. */
  graceMs: number
  /** Not after this instant; undefined: no limit. */
  provenMs: number | undefined
}

const isDue = ({ graceMs, provenMs }: DueEnds) => {
  const proven = provenMs === undefined ? sql`` : sql`and ends_at <= ${new Date(provenMs)}`
  return sql`phase = 'open'
    and ends_at <= statement_timestamp() - make_interval(secs => ${graceMs / 1000}) ${proven}`
}

/**
 * Locks lots whose end is due, skipping those another closer holds. The condition is evaluated
 * again on the locked version, so an extension that came first counts.
 */
export function lockDueLots(
  tx: Transaction<Database>,
  due: DueEnds,
  page: LotsPage,
): Promise<Lot[]> {
  return lockPage(tx, isDue(due), page)
}

/**
 * Locks lots that an outage may have harmed and that were not extended for one, in the same way.
 * Their end lies after its beginning and at most `lastMinutesMs` after it.
 */
export function lockHarmedLots(
  tx: Transaction<Database>,
  { fromMs, untilMs }: Outage,
  lastMinutesMs: number,
  page: LotsPage,
): Promise<Lot[]> {
  const harmed = sql`phase = 'open' and outage_extended_at is null
    and ends_at > ${new Date(fromMs)} and ends_at < ${new Date(untilMs + lastMinutesMs)}
    and starts_at < ${new Date(untilMs)}`
  return lockPage(tx, harmed, page)
}

async function lockPage(
  tx: Transaction<Database>,
  condition: RawBuilder<unknown>,
  { limit, exceptItemIds, onlyItemId }: LotsPage,
): Promise<Lot[]> {
  const only = onlyItemId === undefined ? sql`` : sql`and item_id = ${onlyItemId}`
  const { rows } = await sql<LotRow>`
    select ${sql.raw(LOT_COLUMNS)} from lots
    where ${condition} and item_id <> all(${exceptItemIds}::uuid[]) ${only}
    order by ends_at
    limit ${limit}
    for update skip locked
  `.execute(tx)
  return rows.map(toLot)
}

/** Whether a lot is due that is not closed, held by another transaction or not. */
export async function hasDueLots(
  db: Kysely<Database>,
  due: DueEnds,
  exceptItemIds: readonly string[],
): Promise<boolean> {
  // Without the order the planner reads the table from its start: it expects to meet a due lot soon, since so many ends are
  // past, and does not know that those lots are closed.
  const { rows } = await sql`
    select 1 from lots where ${isDue(due)} and item_id <> all(${exceptItemIds}::uuid[])
    order by ends_at limit 1
  `.execute(db)
  return rows.length > 0
}

export interface LotView {
  lot: Lot
  leaderNumber: number | null
  nowMs: number
}

/** One lot as it is committed now, its leader's number and the database's time, in one snapshot. */
export async function readLot(
  pool: Pick<Pool, 'query'>,
  itemId: string,
): Promise<LotView | undefined> {
  const { rows } = await pool.query<LotRow & { leaderNumber: number | null; nowMs: number }>({
    // This is the most frequent query of all, and to parse and plan it took longer than to answer it. A
    // plan from when the table was small reads a few pages more until statistics are taken again.
    name: 'read-lot',
    text: `select ${LOT_COLUMNS},
        (select b.number from lot_bidders b
          where b.item_id = lots.item_id and b.bidder_id = lots.leader_id) as "leaderNumber",
        ${epochMs('clock_timestamp()')} as "nowMs"
      from lots where item_id = $1`,
    values: [itemId],
  })
  const row = rows[0]
  if (row === undefined) return undefined
  const { leaderNumber, nowMs, ...lot } = row
  return { lot: toLot(lot), leaderNumber, nowMs }
}

const timestamp = (epoch: number | null) => (epoch === null ? null : new Date(epoch))

/** Inserts a lot; false when it exists already. */
export async function insertLot(tx: Transaction<Database>, lot: Lot): Promise<boolean> {
  const result = await tx
    .insertInto('lots')
    .values({ item_id: lot.itemId, ...lotColumns(lot) })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** Writes every changeable column of a locked lot. */
export async function updateLot(tx: Transaction<Database>, lot: Lot): Promise<void> {
  await tx
    .updateTable('lots')
    .set({ ...lotColumns(lot), updated_at: sql`clock_timestamp()` })
    .where('item_id', '=', lot.itemId)
    .execute()
}

function lotColumns(lot: Lot) {
  return {
    seller_id: lot.sellerId,
    type: lot.type,
    currency_code: lot.currencyCode,
    round: lot.round,
    terms_version: lot.termsVersion,
    phase: lot.phase,
    start_price: lot.startPrice,
    bid_increment: lot.bidIncrement,
    reserve_price: lot.reservePrice,
    buy_now_price: lot.buyNowPrice,
    buy_now_mode: lot.buyNowMode,
    buy_now_reservation_ms: BigInt(lot.buyNowReservationMs),
    deposit: lot.deposit,
    starts_at: new Date(lot.startsAtMs),
    ends_at: new Date(lot.endsAtMs),
    original_ends_at: new Date(lot.originalEndsAtMs),
    hard_ends_at: new Date(lot.hardEndsAtMs),
    extension_threshold_ms: BigInt(lot.extensionThresholdMs),
    extension_duration_ms: BigInt(lot.extensionDurationMs),
    extension_mode: lot.extensionMode,
    max_extensions: lot.maxExtensions,
    extension_count: lot.extensionCount,
    outage_extended_at: timestamp(lot.outageExtendedAtMs),
    outage_extension_ms: BigInt(lot.outageExtensionMs),
    current_price: lot.currentPrice,
    leader_id: lot.leaderId,
    leader_max: lot.leaderMax,
    leader_bid_id: lot.leaderBidId,
    bid_count: lot.bidCount,
    bidder_count: lot.bidderCount,
    silent_raises: lot.silentRaises,
    reserve_met: lot.reserveMet,
    buy_now_available: lot.buyNowAvailable,
    purchase_id: lot.purchaseId,
    reserved_for: lot.reservedFor,
    reserved_until: timestamp(lot.reservedUntilMs),
    last_decided_at: timestamp(lot.lastDecidedAtMs),
    sequence: BigInt(lot.sequence),
    outcome: lot.outcome,
    final_amount: lot.finalAmount,
    winner_id: lot.winnerId,
  }
}
