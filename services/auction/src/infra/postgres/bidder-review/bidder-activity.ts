import { sql, type Transaction } from 'kysely'
import { LAST_SECONDS } from '#src/domain/review-flags.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface BidderItem {
  bidderId: string
  itemId: string
}

// Events of one lot come on several queues; the review waits until all of them are here.
const CHECK_DELAY_SECONDS = 30

/** Records who bid on what; again changes nothing. */
export async function recordBidders(
  tx: Transaction<Database>,
  pairs: readonly BidderItem[],
): Promise<void> {
  if (pairs.length === 0) return
  await sql`
    with noted as (
      insert into bidder_items (bidder_id, item_id)
      select distinct * from unnest(
        ${pairs.map(({ bidderId }) => bidderId)}::uuid[],
        ${pairs.map(({ itemId }) => itemId)}::uuid[]
      ) as pair (bidder_id, item_id) order by 1, 2
      on conflict do nothing returning bidder_id
    )
    ${queueReviews}`.execute(tx)
}

export interface BidNearEnd extends BidderItem {
  bidAt: Date
  /** After the bid; an extension has moved it. */
  endDate: Date
  isExtended: boolean
}

/**
 * Records those bids that came in the last seconds before the end of that moment. An extension that
 * counts from the bid, or that the hard end cut short, does not show that end, so such bids are left
 * out.
 */
export async function recordLateBids(
  tx: Transaction<Database>,
  bids: readonly BidNearEnd[],
): Promise<void> {
  if (bids.length === 0) return
  await sql`
    with noted as (
      insert into late_bids (bidder_id, item_id, bid_at)
      select bid.bidder_id, bid.item_id, min(bid.bid_at)
      from unnest(
        ${bids.map(({ bidderId }) => bidderId)}::uuid[],
        ${bids.map(({ itemId }) => itemId)}::uuid[],
        ${bids.map(({ bidAt }) => bidAt.toISOString())}::timestamptz[],
        ${bids.map(({ endDate }) => endDate.toISOString())}::timestamptz[],
        ${bids.map(({ isExtended }) => isExtended)}::boolean[]
      ) as bid (bidder_id, item_id, bid_at, end_date, extended)
      join items on items.id = bid.item_id
      where (not bid.extended or (items.extension_mode = 'from_end' and bid.end_date
          < items.original_end_date + make_interval(mins => items.max_extension_minutes)))
        and bid.bid_at >= bid.end_date
          - case when bid.extended then make_interval(mins => items.extension_duration_minutes)
            else interval '0' end
          - make_interval(secs => ${LAST_SECONDS})
      group by bid.bidder_id, bid.item_id order by 1, 2
      on conflict do nothing returning bidder_id
    )
    ${queueReviews}`.execute(tx)
}

/**
 * Queues for review every known bidder of items whose outcome changed. bid.lost may have come before
 * the outcome.
 */
export async function queueBidderReviews(
  tx: Transaction<Database>,
  itemIds: readonly string[],
  buyers: readonly BidderItem[] = [],
): Promise<void> {
  await sql`
    with noted as (
      select bidder_id from bidder_items where item_id = any(${[...itemIds]}::uuid[])
      union select unnest(${buyers.map(({ bidderId }) => bidderId)}::uuid[])
    ), bought as (
      insert into bidder_items (bidder_id, item_id)
      select distinct * from unnest(
        ${buyers.map(({ bidderId }) => bidderId)}::uuid[],
        ${buyers.map(({ itemId }) => itemId)}::uuid[]
      ) as pair (bidder_id, item_id) order by 1, 2
      on conflict do nothing
    )
    ${queueReviews}`.execute(tx)
}

/** Records when users registered; the earliest time counts. It may arrive after their bids. */
export async function recordRegistrations(
  tx: Transaction<Database>,
  users: readonly { userId: string; registeredAt: Date }[],
): Promise<void> {
  await sql`
    with registered as (
      insert into user_registrations (user_id, registered_at)
      select user_id, min(registered_at) from unnest(
        ${users.map(({ userId }) => userId)}::uuid[],
        ${users.map(({ registeredAt }) => registeredAt.toISOString())}::timestamptz[]
      ) as event (user_id, registered_at) group by user_id order by user_id
      on conflict (user_id) do nothing returning user_id
    ), noted as (
      select bidder_id from late_bids join registered on user_id = bidder_id
    )
    ${queueReviews}`.execute(tx)
}

const queueReviews = sql`
  insert into bidder_checks (bidder_id, due_at)
  -- The clock moves from row to row, so "distinct" with it would leave a bidder twice.
  select bidder_id, (select clock_timestamp()) + make_interval(secs => ${CHECK_DELAY_SECONDS})
  from noted group by bidder_id order by bidder_id
  -- Not "do nothing": a worker may be taking the row now, without having seen what is recorded here.
  -- This waits for that worker, and inserts the row again when it was deleted.
  on conflict (bidder_id) do update set due_at = least(bidder_checks.due_at, excluded.due_at)`
