import { type Kysely, sql, type Transaction } from 'kysely'
import { NUMBER } from '#src/domain/category.ts'
import type { ItemStatus } from '#src/domain/item.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** An item to match with the saved searches, and how far that is. */
export interface MatchJob {
  seq: bigint
  itemId: string
  reason: 'published' | 'started' | 'restored'
  /** The status in which it came up; null when an earlier version queued it. */
  status: ItemStatus | null
  queuedAt: string
  after: string | null
}

export interface SavedSearchMatch {
  savedSearchId: string
  userId: string
  name: string
}

/** Takes the oldest item that no other worker holds and that is not postponed. */
export async function takeMatchJob(tx: Transaction<Database>): Promise<MatchJob | undefined> {
  return (
    tx
      .selectFrom('search_matchings')
      .select(['seq', 'item_id as itemId', 'reason', 'status', 'after_search_id as after'])
      // As text: a JavaScript date has no microseconds, and they matter here.
      .select(sql<string>`queued_at::text`.as('queuedAt'))
      .where(sql<boolean>`(retry_at is null or retry_at <= statement_timestamp())`)
      .orderBy('seq')
      .limit(1)
      .forUpdate()
      .skipLocked()
      .executeTakeFirst()
  )
}

const RETRY_SECONDS = 10
const RETRY_SECONDS_MAX = 600

/** Postpones an item that failed, longer every time, so that others go first. */
export async function postponeMatchJob(db: Kysely<Database>, seq: bigint): Promise<void> {
  await sql`
    update search_matchings set attempts = attempts + 1, retry_at = clock_timestamp()
      + least(make_interval(secs => ${RETRY_SECONDS} * (attempts + 1)),
          make_interval(secs => ${RETRY_SECONDS_MAX}))
    where seq = ${seq}`.execute(db)
}

// Longer than the transaction that publishes an item: a user who saved a search during it did not see
// the item.
const UNSEEN_SECONDS = 5

// A search for scheduled items too was matched when this one was published.
const isStarted = sql`not ('scheduled' = any (search.statuses))`

/** The last search of the next batch; undefined when the batch reaches the end. */
export async function readBatchEnd(
  tx: Transaction<Database>,
  { after, reason }: MatchJob,
  size: number,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from saved_searches as search
    where ${after === null ? sql`true` : sql`id > ${after}`}
      and ${reason === 'started' ? isStarted : sql`true`}
    order by id offset ${size - 1} limit 1`.execute(tx)
  return rows[0]?.id
}

/**
 * Records which searches of a batch match the item, and returns those that did not match it before.
 * The conditions are those of search-query.ts, turned round: there one search is compared with all
 * items, here one item with all searches. A test compares the two.
 */
export async function matchBatch(
  tx: Transaction<Database>,
  { itemId, reason, status, queuedAt, after }: MatchJob,
  last: string | undefined,
): Promise<SavedSearchMatch[]> {
  const { rows } = await sql<SavedSearchMatch>`
    with recursive item as materialized (
      select items.id, seller_id, status, type, category_ids, items.currency_code, current_price,
        end_date, buy_now_available, document
      from items join item_search on item_search.item_id = items.id where items.id = ${itemId}
    ), category as (
      select unnest(category_ids) as id from item
      union select parent_id from categories join category using (id) where parent_id is not null
    ), matched as materialized (
      select search.id, search.user_id, search.name
      from saved_searches as search, item
      where ${after === null ? sql`true` : sql`search.id > ${after}`}
        and ${last === undefined ? sql`true` : sql`search.id <= ${last}`}
        and ${reason === 'started' ? isStarted : sql`true`}
        and search.deleted_at is null
        and search.created_at
          <= ${queuedAt}::timestamptz + make_interval(secs => ${UNSEEN_SECONDS})
        and search.user_id <> item.seller_id
        -- It may have started meanwhile: searches for either status match.
        and item.status in ('scheduled', 'active')
        and (item.status = any (search.statuses) or ${status}::text = any (search.statuses))
        and (search.type is null or search.type = item.type)
        and (search.seller_id is null or search.seller_id = item.seller_id)
        and (search.currency_code is null or search.currency_code = item.currency_code)
        and (search.min_price is null or item.current_price >= search.min_price)
        and (search.max_price is null or item.current_price <= search.max_price)
        and (search.has_buy_now is null or search.has_buy_now = item.buy_now_available)
        and (search.ending_within_minutes is null or item.end_date between statement_timestamp()
          and statement_timestamp() + make_interval(mins => search.ending_within_minutes))
        and (search.category_id is null or search.category_id in (select id from category))
        and (search.words is null or item.document @@ search.words)
        and (search.attributes = '[]' or ${hasAttributes})
      -- Not a search that is being deleted now: its match would refer to nothing.
      for key share of search skip locked
    ), fresh as (
      insert into saved_search_matches (saved_search_id, item_id)
      select id, ${itemId} from matched on conflict do nothing returning saved_search_id
    )
    select id as "savedSearchId", user_id as "userId", name
    from matched join fresh on saved_search_id = id order by id`.execute(tx)
  return rows
}

const hasAttributes = sql`not exists (
  select from jsonb_array_elements(search.attributes) as wanted
  where not exists (
    select from item_attributes as attribute
    where attribute.item_id = item.id and attribute.key = wanted ->> 'key'
      and case when wanted -> 'range' = 'null' then wanted -> 'values' ? attribute.value
          or attribute.number is not null and exists (
            select from jsonb_array_elements_text(wanted -> 'values') as value
            where case when value ~ ${NUMBER.source} then value::numeric = attribute.number end)
        else attribute.number between coalesce((wanted -> 'range' ->> 'from')::numeric, '-infinity')
          and coalesce((wanted -> 'range' ->> 'to')::numeric, 'infinity') end))`

/** Records where the next batch begins, or deletes the job when there is none. */
export async function advanceMatchJob(
  tx: Transaction<Database>,
  seq: bigint,
  last: string | undefined,
): Promise<void> {
  if (last === undefined) await tx.deleteFrom('search_matchings').where('seq', '=', seq).execute()
  else {
    const changed = tx.updateTable('search_matchings').set({ after_search_id: last })
    await changed.where('seq', '=', seq).execute()
  }
}

/** How long the oldest item has waited, in seconds; 0 when none waits. */
export async function readMatchLag(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    select coalesce(extract(epoch from clock_timestamp() - min(queued_at)), 0)::float8 as seconds
    from search_matchings`.execute(db)
  return rows[0]?.seconds ?? 0
}
