import { arrayLiteral } from '@auction/common/postgres/array-literal.ts'
import { sql, type Transaction } from 'kysely'
import type { OutageExtension, PlacedBid, ReserveMet } from '#src/domain/bid-fold.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** An item of a batch as it was before the batch. */
export interface ProjectedItem {
  id: string
  currencyCode: string
}

/** Also what the read model knew of its end. */
export interface ProjectedBids extends ProjectedItem {
  sequence: bigint
  endDate: Date
  extensionCount: number
}

/**
 * Writes the given bids to the read model, at most one per item, in one statement. A bid that is not
 * newer than the row changes nothing, so redelivery and reordering are harmless. Returns the items that
 * exist, locked, as they were before.
 */
export async function projectPlaced(
  tx: Transaction<Database>,
  bids: readonly PlacedBid[],
): Promise<ProjectedBids[]> {
  const { rows } = await sql<ProjectedBids>`
    with e as (
      select * from unnest(
        ${arrayLiteral(bids.map((bid) => bid.itemId))}::uuid[],
        ${arrayLiteral(bids.map((bid) => bid.sequence))}::bigint[],
        ${arrayLiteral(bids.map((bid) => bid.currencyCode))}::text[],
        ${arrayLiteral(bids.map((bid) => bid.price))}::bigint[],
        ${arrayLiteral(bids.map((bid) => bid.bidCount))}::integer[],
        ${arrayLiteral(bids.map((bid) => bid.reserveMet))}::boolean[],
        ${arrayLiteral(bids.map((bid) => bid.buyNowAvailable))}::boolean[],
        ${arrayLiteral(bids.map((bid) => bid.endDate.toISOString()))}::timestamptz[],
        ${arrayLiteral(bids.map((bid) => bid.extensionCount))}::integer[]
      ) as e (item_id, sequence, currency_code, price, bid_count, reserve_met, buy_now, end_date,
        extension_count)
    ), locked as materialized (
      -- In the order of ids, so that two workers with the same items wait instead of deadlocking.
      select i.id, i.currency_code, i.bid_sequence, i.end_date, i.extension_count from items i
      where i.id in (select item_id from e) and i.published_at is not null
      order by i.id for no key update
    ), updated as (
      update items i set
        bid_sequence = e.sequence,
        -- A reserve_met event with a higher sequence has set the later price and flags already.
        current_price = case when e.sequence < i.reserve_sequence then i.current_price
          else e.price end,
        reserve_met = case when e.sequence < i.reserve_sequence then i.reserve_met
          else e.reserve_met end,
        buy_now_available = case when e.sequence < i.reserve_sequence then i.buy_now_available
          else e.buy_now end,
        bid_count = e.bid_count,
        -- An extension after an outage is no bid: it may have brought a later end already.
        end_date = case when e.extension_count < i.extension_count then i.end_date
          else e.end_date end,
        extension_count = greatest(e.extension_count, i.extension_count),
        updated_at = clock_timestamp()
      from e join locked l on l.id = e.item_id
      where i.id = e.item_id and e.sequence > l.bid_sequence
        and e.currency_code = l.currency_code
    )
    select id, currency_code as "currencyCode", bid_sequence as sequence, end_date as "endDate",
      extension_count as "extensionCount" from locked
  `.execute(tx)
  return rows
}

/** What came of extensions: the items that exist, those that moved, and those whose end is being edited. */
export interface ProjectedExtensions {
  known: Set<string>
  moved: Set<string>
  undecided: Set<string>
}

/**
 * Moves the ends of items after an outage, each unless it has moved as often already. An end that the
 * seller chose since then stays. Undecided is an item whose end is another one while a change of its terms
 * is pending: the bid service may have the end that the extension belongs to, and this service not yet.
 */
export async function projectExtended(
  tx: Transaction<Database>,
  extensions: readonly OutageExtension[],
): Promise<ProjectedExtensions> {
  const { rows } = await sql<{ id: string; isMoved: boolean; isUndecided: boolean }>`
    with e as (
      select distinct on (item_id) * from unnest(
        ${arrayLiteral(extensions.map((extension) => extension.itemId))}::uuid[],
        ${arrayLiteral(extensions.map((extension) => extension.endDate.toISOString()))}::timestamptz[],
        ${arrayLiteral(extensions.map((extension) => extension.originalEndDate.toISOString()))}::timestamptz[],
        ${arrayLiteral(extensions.map((extension) => extension.extensionCount))}::integer[]
      ) as e (item_id, end_date, original_end_date, extension_count)
    ), locked as materialized (
      select i.id, i.original_end_date, i.extension_count from items i
      where i.id in (select item_id from e) and i.published_at is not null
      order by i.id for no key update
    ), updated as (
      update items i set
        end_date = case when l.original_end_date = e.original_end_date then e.end_date
          else i.end_date end,
        extension_count = e.extension_count,
        updated_at = clock_timestamp()
      from e join locked l on l.id = e.item_id
      where i.id = e.item_id and e.extension_count > l.extension_count
      returning i.id, l.original_end_date = e.original_end_date as is_moved
    )
    select locked.id, coalesce(is_moved, false) as "isMoved",
      not coalesce(is_moved, true)
        and exists (select from terms_changes c where c.item_id = locked.id) as "isUndecided"
    from locked left join updated on updated.id = locked.id
  `.execute(tx)
  const idsOf = (chosen: typeof rows) => new Set(chosen.map(({ id }) => id))
  return {
    known: idsOf(rows),
    moved: idsOf(rows.filter(({ isMoved }) => isMoved)),
    undecided: idsOf(rows.filter(({ isUndecided }) => isUndecided)),
  }
}

/** Marks reserves as met; at most one event per item. Returns the items that exist. */
export async function projectReserveMet(
  tx: Transaction<Database>,
  events: readonly ReserveMet[],
): Promise<ProjectedItem[]> {
  const { rows } = await sql<ProjectedItem>`
    with e as (
      select * from unnest(
        ${arrayLiteral(events.map((event) => event.itemId))}::uuid[],
        ${arrayLiteral(events.map((event) => event.sequence))}::bigint[],
        ${arrayLiteral(events.map((event) => event.currencyCode))}::text[],
        ${arrayLiteral(events.map((event) => event.price))}::bigint[],
        ${arrayLiteral(events.map((event) => event.buyNowAvailable))}::boolean[]
      ) as e (item_id, sequence, currency_code, price, buy_now)
    ), locked as materialized (
      select i.id, i.currency_code from items i
      where i.id in (select item_id from e) and i.published_at is not null
      order by i.id for no key update
    ), updated as (
      -- bid_sequence does not move: the bid that met the reserve has the same sequence, carries
      -- more, and may come later.
      update items i set
        reserve_sequence = e.sequence, reserve_met = true, current_price = e.price,
        buy_now_available = e.buy_now, updated_at = clock_timestamp()
      from e join locked l on l.id = e.item_id
      where i.id = e.item_id and e.sequence >= i.bid_sequence and e.sequence > i.reserve_sequence
        and e.currency_code = l.currency_code
    )
    select id, currency_code as "currencyCode" from locked
  `.execute(tx)
  return rows
}
