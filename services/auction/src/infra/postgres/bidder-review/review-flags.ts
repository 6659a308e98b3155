import type { SharedAddress } from '@auction/common/contracts/shared-addresses.ts'
import { sql, type Transaction } from 'kysely'
import {
  FLAG_KINDS,
  type FlagKind,
  JUDGED_LOTS_MAX,
  NEVER_WINS_ITEMS_MIN,
  NEW_ACCOUNT_DAYS,
  ONE_SELLER_ITEMS_MIN,
} from '#src/domain/review-flags.ts'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface ReviewFlag {
  kind: FlagKind
  userId: string
  subjectId: string
  details: Record<string, unknown>
  firstSeenAt: Date
  lastSeenAt: Date
}

/** Bidders whose review is due, without a lock. */
export async function readDueBidders(db: Executor, limit: number): Promise<string[]> {
  const { rows } = await sql<{ bidder_id: string }>`
    select bidder_id from bidder_checks where due_at <= statement_timestamp()
    order by due_at limit ${limit}`.execute(db)
  return rows.map((row) => row.bidder_id)
}

/** Takes those of some bidders that are still due; when the transaction fails they stay. */
export async function takeDueBidders(
  tx: Transaction<Database>,
  bidderIds: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<{ bidder_id: string }>`
    delete from bidder_checks where bidder_id in (
      select bidder_id from bidder_checks
      where bidder_id = any(${[...bidderIds]}::uuid[]) and due_at <= statement_timestamp()
      order by bidder_id for update skip locked)
    returning bidder_id`.execute(tx)
  return rows.map((row) => row.bidder_id)
}

const ASK_AGAIN_SECONDS = 60

/** Reschedules these bidders' review. */
export async function postponeReviews(
  tx: Transaction<Database>,
  bidderIds: readonly string[],
): Promise<void> {
  await sql`
    insert into bidder_checks (bidder_id, due_at)
    select bidder_id, clock_timestamp() + make_interval(secs => ${ASK_AGAIN_SECONDS})
    from unnest(${[...bidderIds]}::uuid[]) as taken (bidder_id) order by bidder_id
    on conflict (bidder_id) do nothing`.execute(tx)
}

/**
 * Computes the flags of some bidders again, from their latest lots; flags that are not true any more are
 * deleted. Flags of shared addresses stay when those are not known.
 */
export async function replaceFlags(
  tx: Transaction<Database>,
  bidderIds: readonly string[],
  sharedAddresses: readonly SharedAddress[] | undefined,
): Promise<void> {
  const ids = sql`${[...bidderIds]}::uuid[]`
  const isSold = sql`outcome in ('sold', 'bought_now')`
  await sql`
    with lots as (
      select bidder.id as bidder_id, items.seller_id, items.outcome, items.buyer_id
      from unnest(${ids}) as bidder (id)
      cross join lateral (
        -- Ids rise with time, so this reads the latest rows of the primary key and no more.
        select item_id from bidder_items where bidder_id = bidder.id
        order by item_id desc limit ${JUDGED_LOTS_MAX}
      ) as latest join items on items.id = latest.item_id
    ), shared_addresses as (
      select * from json_to_recordset(${JSON.stringify(sharedAddresses ?? [])}::json)
        as pair ("userId" uuid, "otherId" uuid)
    ), found (kind, user_id, subject_id, details) as (
      select 'same_address', bidder_id, seller_id, jsonb_build_object('items', count(*))
      from lots join shared_addresses on "userId" = bidder_id and "otherId" = seller_id
      group by bidder_id, seller_id
      union all
      select 'only_one_seller', bidder_id, min(seller_id::text)::uuid,
        jsonb_build_object('items', count(*))
      from lots group by bidder_id
      having count(distinct seller_id) = 1 and count(*) >= ${ONE_SELLER_ITEMS_MIN}
      union all
      select 'never_wins', bidder_id, bidder_id,
        jsonb_build_object('items', count(*) filter (where ${isSold}))
      from lots group by bidder_id
      having count(*) filter (where ${isSold}) >= ${NEVER_WINS_ITEMS_MIN}
        and count(*) filter (where buyer_id = bidder_id) = 0
      union all
      select 'new_account_last_seconds', late.bidder_id, late.item_id,
        jsonb_build_object('bidAt', late.bid_at, 'registeredAt', registered_at)
      from late_bids as late join user_registrations on user_id = late.bidder_id
      where late.bidder_id = any(${ids})
        and late.bid_at < registered_at + make_interval(days => ${NEW_ACCOUNT_DAYS})
    ), gone as (
      delete from review_flags as flag where flag.user_id = any(${ids})
        and (${sharedAddresses !== undefined} or flag.kind <> 'same_address') and not exists (
        select 1 from found where found.kind = flag.kind and found.user_id = flag.user_id
          and found.subject_id = flag.subject_id)
    )
    insert into review_flags (kind, user_id, subject_id, details)
    select kind, user_id, subject_id, details from found order by 1, 2, 3
    on conflict (kind, user_id, subject_id)
    do update set details = excluded.details, last_seen_at = clock_timestamp()`.execute(tx)
}

/** A page of flags, the latest first. */
export async function readFlags(
  db: Executor,
  page: { kind: FlagKind | undefined; limit: number; offset: number },
): Promise<{ flags: ReviewFlag[]; totalItems: number }> {
  const { kind, limit, offset } = page
  const matching = db
    .selectFrom('review_flags')
    .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? 'never_wins'))
  const flags = await matching
    .select(['kind', 'user_id as userId', 'subject_id as subjectId', 'details'])
    .select(['first_seen_at as firstSeenAt', 'last_seen_at as lastSeenAt'])
    .orderBy('last_seen_at', 'desc')
    .orderBy('user_id')
    .orderBy('subject_id')
    .limit(limit)
    .offset(offset)
    .execute()
  const { count } = await matching
    .select((eb) => eb.fn.countAll<bigint>().as('count'))
    .executeTakeFirstOrThrow()
  return { flags, totalItems: Number(count) }
}

/** So many flags of a kind are counted at most. */
export const FLAGS_COUNTED_MAX = 10_000

/** How many flags of each kind there are. In the order of the primary key, so that it ends each count. */
export async function countFlags(db: Executor): Promise<Map<FlagKind, number>> {
  const { rows } = await sql<{ kind: FlagKind; count: bigint }>`
    select kind, (select count(*) from (
      select from review_flags as flag where flag.kind = wanted.kind
      order by user_id, subject_id limit ${sql.lit(FLAGS_COUNTED_MAX)}) as counted) as count
    from unnest(${[...FLAG_KINDS]}::text[]) as wanted (kind)`.execute(db)
  return new Map(rows.map(({ kind, count }) => [kind, Number(count)]))
}
