import { type Kysely, sql, type Transaction } from 'kysely'
import type { Lot } from '#src/domain/lot.ts'
import type { AfterSale, BestBid, Offer, OfferWindows, UnitOfOrder } from '#src/domain/offer.ts'
import type { Database } from './schema.ts'

const epochMs = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`

const OFFER_COLUMNS = `id as "offerId", unit, kind, user_id as "userId", bid_id as "bidId", amount, days,
  cascade_floor as "cascadeFloor", ${epochMs('made_at')} as "madeAtMs",
  ${epochMs('expires_at')} as "expiresAtMs", state, ${epochMs('ended_at')} as "endedAtMs"`

/** An item has one lot for each of its rounds, and one unit is sold of it. */
const UNITS = 1

/** All that decides about the offers of a lot, whose lock the caller holds. */
export async function readAfterSale(
  tx: Transaction<Database>,
  lot: Lot,
  windows: OfferWindows,
): Promise<AfterSale> {
  const { itemId, sellerId } = lot
  const bestBids = await readBestBids(tx, itemId)
  const { rows: offers } = await sql<Offer>`
    select ${sql.raw(OFFER_COLUMNS)} from offers where item_id = ${itemId} order by id`.execute(tx)
  const { rows: freed } = await sql<AfterSale['freed'][number]>`
    select unit, buyer_id as "buyerId", is_offerable as "isOfferable" from freed_units
    where item_id = ${itemId} and is_free`.execute(tx)
  const { rows } = await sql<{
    closedAtMs: number | null
    isRelisted: boolean
    isHidden: boolean
  }>`
    select ${sql.raw(epochMs('closed_at'))} as "closedAtMs",
      exists (select from relistings r where r.item_id = lots.item_id) as "isRelisted",
      exists (select from hidden_items h where h.item_id = lots.item_id and h.is_hidden) as "isHidden"
    from lots where item_id = ${itemId}`.execute(tx)
  const [state] = rows
  if (state === undefined) throw new Error(`lot ${itemId} is gone`)
  const users = [sellerId, ...bestBids.map(({ bidderId }) => bidderId)]
  const barred = await readBarred(tx, sellerId, users)
  const unwilling = await readUnwilling(tx, users)
  return { lot, windows, bestBids, offers, units: UNITS, freed, barred, unwilling, ...state }
}

/** What is known of a lot without its lock. A lot that is over stays over. */
export interface LotAtSight {
  readonly sellerId: string
  readonly currencyCode: string
  readonly isOver: boolean
  readonly nowMs: number
}

export async function glanceAtLot(
  db: Kysely<Database>,
  itemId: string,
): Promise<LotAtSight | undefined> {
  const { rows } = await sql<LotAtSight>`
    select seller_id as "sellerId", currency_code as "currencyCode",
      phase in ('closed', 'cancelled') as "isOver",
      ${sql.raw(epochMs('statement_timestamp()'))} as "nowMs"
    from lots where item_id = ${itemId}`.execute(db)
  return rows[0]
}

/**
 * Each bidder's own highest bid, in line. A bid that was refused or made by the platform is none; silent raises count, for
 * they are bids (R-BID-6).
 */
async function readBestBids(tx: Transaction<Database>, itemId: string): Promise<BestBid[]> {
  const { rows } = await sql<BestBid>`
    select bidder_id as "bidderId", number as "bidderNumber", id as "bidId", max_amount as amount
    from (
      select distinct on (bidder_id) bidder_id, id, max_amount, sequence, silent_raise
      from bids where item_id = ${itemId} and sequence is not null and kind <> 'auto'
      order by bidder_id, max_amount desc, sequence, silent_raise
    ) highest join lot_bidders b using (bidder_id)
    where b.item_id = ${itemId}
    order by max_amount desc, sequence, silent_raise`.execute(tx)
  return rows
}

/** Those of some users who may not trade with this seller. */
async function readBarred(
  tx: Transaction<Database>,
  sellerId: string,
  userIds: readonly string[],
): Promise<Set<string>> {
  const ids = sql`${[...userIds]}::uuid[]`
  const { rows } = await sql<{ userId: string }>`
    select user_id as "userId" from bidder_standings where user_id = any(${ids}) and standing <> 'ok'
    union select bidder_id from seller_blocks where seller_id = ${sellerId} and bidder_id = any(${ids})`.execute(
    tx,
  )
  return new Set(rows.map(({ userId }) => userId))
}

/** Those of some users who want no offers. */
async function readUnwilling(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<Set<string>> {
  const rows = await tx
    .selectFrom('offer_opt_outs')
    .select('user_id')
    .where('user_id', 'in', [...userIds])
    .execute()
  return new Set(rows.map(({ user_id }) => user_id))
}

/** How a request is recognised when it comes again. */
export interface RequestKey {
  readonly key: string | null
  readonly hash: string | null
}

/** Stores a new offer. False: its seller has used the key for another request. */
export async function insertOffer(
  tx: Transaction<Database>,
  { itemId, round, sellerId, currencyCode }: Lot,
  offer: Offer,
  request: RequestKey,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('offers')
    .values({
      id: offer.offerId,
      item_id: itemId,
      round,
      unit: offer.unit,
      seller_id: sellerId,
      user_id: offer.userId,
      kind: offer.kind,
      bid_id: offer.bidId,
      amount: offer.amount,
      currency_code: currencyCode,
      days: offer.days,
      cascade_floor: offer.cascadeFloor,
      made_at: new Date(offer.madeAtMs),
      expires_at: new Date(offer.expiresAtMs),
      idempotency_key: request.key,
      request_hash: request.hash,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['seller_id', 'idempotency_key'])
        .where('idempotency_key', 'is not', null)
        .doNothing(),
    )
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

/** Stores how an open offer ended. */
export async function endOffer(
  tx: Transaction<Database>,
  { offerId, state, endedAtMs }: Offer,
  answerKey: string | null,
): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('offers')
    .set({
      state,
      ended_at: endedAtMs === null ? null : new Date(endedAtMs),
      answer_key: answerKey,
    })
    .where('id', '=', offerId)
    .where('state', '=', 'open')
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new Error(`offer ${offerId} has ended before`)
}

/** The offer that a seller's key has made. */
export async function findRequest(
  tx: Transaction<Database>,
  sellerId: string,
  key: string,
): Promise<{ offerId: string; hash: string | null } | undefined> {
  return tx
    .selectFrom('offers')
    .select(['id as offerId', 'request_hash as hash'])
    .where('seller_id', '=', sellerId)
    .where('idempotency_key', '=', key)
    .executeTakeFirst()
}

/** The lot of an offer, who may answer it, and the key of the request that ended it. */
export async function findOffer(
  db: Kysely<Database>,
  offerId: string,
): Promise<
  { itemId: string; userId: string; sellerId: string; answerKey: string | null } | undefined
> {
  return db
    .selectFrom('offers')
    .select([
      'item_id as itemId',
      'user_id as userId',
      'seller_id as sellerId',
      'answer_key as answerKey',
    ])
    .where('id', '=', offerId)
    .executeTakeFirst()
}

/** Whether a buyer has accepted an offer of a unit. */
export async function hasAcceptedOffer(
  tx: Transaction<Database>,
  { itemId, unit, buyerId }: { itemId: string; unit: number; buyerId: string },
): Promise<boolean> {
  const row = await tx
    .selectFrom('offers')
    .select('id')
    .where('item_id', '=', itemId)
    .where('unit', '=', unit)
    .where('user_id', '=', buyerId)
    .where('state', '=', 'accepted')
    .executeTakeFirst()
  return row !== undefined
}

/** Lots with an offer whose time is over, the oldest first. */
export async function findDueOffers(
  db: Kysely<Database>,
  exceptItemIds: readonly string[],
  limit: number,
): Promise<string[]> {
  const { rows } = await sql<{ itemId: string }>`
    select item_id as "itemId" from offers
    where state = 'open' and expires_at <= statement_timestamp()
      and item_id <> all(${[...exceptItemIds]}::uuid[])
    order by expires_at limit ${limit}`.execute(db)
  return rows.map(({ itemId }) => itemId)
}

/** How long the oldest offer that should have ended has been over. */
export async function readOffersOverdue(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    select greatest(0, coalesce(extract(epoch from statement_timestamp() - (
      select expires_at from offers where state = 'open' order by expires_at limit 1)), 0))::float8
      as seconds`.execute(db)
  return rows[0]?.seconds ?? 0
}

/** An offer as its bidder sees it. */
export interface ReceivedOffer extends Offer {
  itemId: string
  round: number
  currencyCode: string
}

/** An offer to a user, and the clock that says whether its time is over. */
export async function readOfferTo(
  db: Kysely<Database>,
  userId: string,
  offerId: string,
): Promise<{ offer: ReceivedOffer; nowMs: number } | undefined> {
  const { rows } = await sql<ReceivedOffer & { nowMs: number }>`
    select ${sql.raw(OFFER_COLUMNS)}, item_id as "itemId", round, currency_code as "currencyCode",
      ${sql.raw(epochMs('statement_timestamp()'))} as "nowMs"
    from offers where id = ${offerId} and user_id = ${userId}`.execute(db)
  const [row] = rows
  if (row === undefined) return undefined
  const { nowMs, ...offer } = row
  return { offer, nowMs }
}

/** A page of the offers to a user, the latest first. One whose time is over counts as ended, written down or not. */
export async function readOffersTo(
  db: Kysely<Database>,
  userId: string,
  page: { isOpen: boolean | undefined; before: string | undefined; limit: number },
): Promise<{ rows: ReceivedOffer[]; nowMs: number }> {
  const { isOpen, before, limit } = page
  const open = sql`(state = 'open' and expires_at > statement_timestamp())`
  const { rows } = await sql<ReceivedOffer>`
    select ${sql.raw(OFFER_COLUMNS)}, item_id as "itemId", round, currency_code as "currencyCode"
    from offers where user_id = ${userId}
      ${isOpen === undefined ? sql`` : isOpen ? sql`and ${open}` : sql`and not ${open}`}
      ${before === undefined ? sql`` : sql`and id < ${before}::uuid`}
    order by id desc limit ${limit}`.execute(db)
  const { rows: clock } = await sql<{ nowMs: number }>`
    select ${sql.raw(epochMs('statement_timestamp()'))} as "nowMs"`.execute(db)
  return { rows, nowMs: clock[0]?.nowMs ?? 0 }
}

/** The end of an order, or that its seller has taken the buyer back. */
export interface FreedUnit {
  readonly orderId: string
  readonly itemId: string
  readonly round: number
  readonly unit: number
  readonly buyerId: string
  readonly isFree: boolean
  /** False: for a new round alone. */
  readonly isOfferable?: boolean
  readonly sequence: number
}

/** Stores whether a unit is free, unless something newer of the same order is stored. */
export async function putFreedUnit(tx: Transaction<Database>, freed: FreedUnit): Promise<void> {
  await sql`
    insert into freed_units (order_id, item_id, round, unit, buyer_id, is_free, is_offerable, sequence)
    values (${freed.orderId}, ${freed.itemId}, ${freed.round}, ${freed.unit}, ${freed.buyerId},
      ${freed.isFree}, ${freed.isOfferable ?? true}, ${freed.sequence})
    on conflict (order_id) do update set is_free = excluded.is_free, is_offerable = excluded.is_offerable,
      sequence = excluded.sequence
      where freed_units.sequence < excluded.sequence`.execute(tx)
}

/** Stores that a unit is free again which was taken back under the same number, or will be. */
export async function freeUnitAgain(
  tx: Transaction<Database>,
  freed: Omit<FreedUnit, 'isFree' | 'isOfferable'>,
): Promise<void> {
  await sql`
    insert into freed_units (order_id, item_id, round, unit, buyer_id, is_free, sequence)
    values (${freed.orderId}, ${freed.itemId}, ${freed.round}, ${freed.unit}, ${freed.buyerId}, true,
      ${freed.sequence})
    on conflict (order_id) do update set is_free = true, sequence = excluded.sequence
      where freed_units.sequence <= excluded.sequence`.execute(tx)
}

/** What is known last of an order whose lot the caller has locked. */
export async function readUnitOfOrder(
  tx: Transaction<Database>,
  orderId: string,
): Promise<UnitOfOrder | undefined> {
  const { rows } = await sql<UnitOfOrder>`
    select is_free as "isFree", sequence::float8 as sequence from freed_units
    where order_id = ${orderId}`.execute(tx)
  return rows[0]
}

/** The item that a lot went on as. */
export async function readRelisting(
  tx: Transaction<Database>,
  itemId: string,
): Promise<string | undefined> {
  const row = await tx
    .selectFrom('relistings')
    .select('new_item_id')
    .where('item_id', '=', itemId)
    .executeTakeFirst()
  return row?.new_item_id
}

export async function insertRelisting(
  tx: Transaction<Database>,
  relisting: { itemId: string; newItemId: string; isAutomatic: boolean; atMs: number },
): Promise<void> {
  await tx
    .insertInto('relistings')
    .values({
      item_id: relisting.itemId,
      new_item_id: relisting.newItemId,
      is_automatic: relisting.isAutomatic,
      relisted_at: new Date(relisting.atMs),
    })
    .execute()
}

export interface HiddenItem {
  readonly itemId: string
  readonly isHidden: boolean
  readonly sequence: number
}

/** Stores what auction published of items, each at most once here, unless something newer is stored. */
export async function putHiddenItems(
  tx: Transaction<Database>,
  items: readonly HiddenItem[],
): Promise<void> {
  if (items.length === 0) return
  await sql`
    insert into hidden_items (item_id, is_hidden, sequence)
    select * from unnest(${items.map(({ itemId }) => itemId)}::uuid[],
      ${items.map(({ isHidden }) => isHidden)}::boolean[],
      ${items.map(({ sequence }) => sequence)}::bigint[])
      as published (item_id, is_hidden, sequence) order by item_id
    on conflict (item_id) do update set is_hidden = excluded.is_hidden, sequence = excluded.sequence
      where hidden_items.sequence < excluded.sequence`.execute(tx)
}

/** Whether a user wants no offers. */
export async function hasOptedOut(db: Kysely<Database>, userId: string): Promise<boolean> {
  const row = await db
    .selectFrom('offer_opt_outs')
    .select('user_id')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row !== undefined
}

/** Stores whether a user wants no offers; again changes nothing. */
export async function setOptOut(
  db: Kysely<Database>,
  userId: string,
  isOptedOut: boolean,
): Promise<void> {
  if (isOptedOut) {
    await db
      .insertInto('offer_opt_outs')
      .values({ user_id: userId })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  } else await forgetOptOuts(db, [userId])
}

export async function forgetOptOuts(
  db: Kysely<Database> | Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  await db
    .deleteFrom('offer_opt_outs')
    .where('user_id', 'in', [...userIds])
    .execute()
}
