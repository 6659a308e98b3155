import { sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { ProjectedItem } from './bid-projection.ts'

export interface LegacyBid {
  /** The bid's id, or the message's: the same bid again has the same key. */
  key: string
  itemId: string
  amount: bigint
  /** An invalid date when the message carries none. */
  placedAt: Date
}

/** Published items by id, locked in that order. */
export async function readCurrencies(
  tx: Transaction<Database>,
  ids: readonly string[],
): Promise<ProjectedItem[]> {
  return tx
    .selectFrom('items')
    .select(['id', 'currency_code as currencyCode'])
    .where('id', 'in', [...ids])
    .where('published_at', 'is not', null)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
}

/** Counts bids not counted before; the price rises to the highest of them and never falls. */
export async function foldLegacyBids(
  tx: Transaction<Database>,
  bids: readonly LegacyBid[],
): Promise<void> {
  const placedAt = ({ placedAt: at }: LegacyBid) =>
    Number.isNaN(at.getTime()) ? null : at.toISOString()
  await sql`
    with e as (
      select * from unnest(
        ${bids.map((bid) => bid.key)}::text[],
        ${bids.map((bid) => bid.itemId)}::uuid[],
        ${bids.map((bid) => bid.amount)}::bigint[],
        ${bids.map(placedAt)}::timestamptz[]
      ) as e (bid_key, item_id, amount, placed_at)
    ), fresh as (
      insert into legacy_bids (bid_key, item_id, amount)
      select e.bid_key, e.item_id, e.amount from e join items i on i.id = e.item_id
      where i.status in ('scheduled', 'active') and i.bid_sequence = 0
        and (e.placed_at is null or e.placed_at < i.end_date)
      on conflict do nothing returning item_id, amount
    ), folded as (
      select item_id, max(amount) as price, count(*) as bid_count from fresh group by item_id
    )
    update items i set
      current_price = greatest(i.current_price, f.price),
      bid_count = i.bid_count + f.bid_count,
      reserve_met = i.reserve_met or f.price >= i.reserve_price,
      buy_now_available = i.buy_now_available and coalesce(f.price < i.reserve_price, false),
      updated_at = clock_timestamp()
    from folded f where i.id = f.item_id
  `.execute(tx)
}
