import { readClock } from '@auction/common/postgres/clock.ts'
import { createShared } from '@auction/common/shared.ts'
import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import { type Item, type ItemStatus, PUBLIC_STATUSES } from '#src/domain/item.ts'
import { clock, toReadItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface ListQuery {
  /** Only this seller's, in any status; undefined: the public ones of all sellers. */
  sellerId: string | undefined
  status: ItemStatus | undefined
  order: 'asc' | 'desc'
  limit: number
  offset: number
  /** The last item of the page before; in place of an offset. */
  after?: ListPosition | undefined
}

/** Where a page ended: the end that counts, as PostgreSQL writes it, and the id. */
export interface ListPosition {
  end: string
  id: string
}

export interface ItemPage {
  items: Item[]
  totalItems: number
  /** False when a public list has more than were counted. */
  isTotalExact: boolean
  /** Where the next page begins; undefined when there is none. */
  next: ListPosition | undefined
  now: Date
  /** The value of `performance.now` when `now` arrived. */
  nowCameAtMs: number
}

export interface ItemLists {
  /** One page of items by the end that counts now. */
  read(query: ListQuery): Promise<ItemPage>
}

const COUNT_AGE_MAX_MS = 1_000

/** The total of a public list counts no more items than this, and its numbered pages end there. */
export const COUNTED_MAX = 10_000

/**
 * Lists of items. Counting costs more than reading a page, so a public total may be a second old and
 * ends at COUNTED_MAX; it is exact on the last page when pages are numbered.
 */
export function createItemLists(db: Kysely<Database>): ItemLists {
  const counts = createShared<number>(COUNT_AGE_MAX_MS)
  const countPublic = (query: ListQuery): Promise<number> =>
    counts.of(query.status ?? 'all', () => countFirst(db, query))

  return {
    async read(query) {
      const { after, order } = query
      const rows = await itemsMatching(db, query)
        .selectAll()
        .select(clock)
        .select(sql<string>`end_date::text`.as('position'))
        .$if(after !== undefined, (page) =>
          page.where(
            sql<boolean>`(end_date, id) ${order === 'asc' ? sql`>` : sql`<`}
              (${after?.end}::timestamptz, ${after?.id}::uuid)`,
          ),
        )
        .orderBy('end_date', query.order)
        .orderBy('id', query.order)
        // One extra row shows whether there is a next page.
        .limit(query.limit + 1)
        .offset(query.offset)
        .execute()
      const nowCameAtMs = performance.now()
      const shown = rows.slice(0, query.limit)
      const seen = query.offset + shown.length
      // After a cursor it is not known how many rows came before.
      const isLastPage = after === undefined && rows.length > 0 && rows.length <= query.limit
      const last = rows.length > query.limit ? shown.at(-1) : undefined
      const isPublic = query.sellerId === undefined
      const counted = isLastPage
        ? seen
        : await (isPublic ? countPublic(query) : count(itemsMatching(db, query)))
      const isTotalExact = !isPublic || counted <= COUNTED_MAX
      const total = isTotalExact ? counted : COUNTED_MAX
      return {
        items: shown.map((row) => toReadItem(row).item),
        totalItems: rows.length === 0 || !isTotalExact ? total : Math.max(total, seen),
        isTotalExact,
        next: last && { end: last.position, id: last.id },
        now: rows[0]?.server_time ?? (await readClock(db)),
        nowCameAtMs,
      }
    },
  }
}

/** A page of a seller's items, newest first, of one state or of all. */
export async function readOwnItems(
  db: Kysely<Database>,
  sellerId: string,
  page: {
    status: ItemStatus | undefined
    /** Part of the name, as it is written or as a search reads it (R-SEARCH-1); empty for every name. */
    words: string
    before: string | undefined
    limit: number
  },
): Promise<Item[]> {
  const { status, words, before, limit } = page
  const rows = await db
    .selectFrom('items')
    .selectAll()
    .select(clock)
    .where('seller_id', '=', sellerId)
    .$if(status !== undefined, (query) => query.where('status', '=', status ?? 'draft'))
    .$if(words !== '', (query) =>
      query.where(
        sql<boolean>`(strpos(lower(items.name), lower(${words})) > 0 or search_text(${words}) <> ''
          and exists (select from item_search as searched where searched.item_id = items.id
            and strpos(searched.name, search_text(${words})) > 0))`,
      ),
    )
    .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => toReadItem(row).item)
}

/** How many items a seller has in each state; states without any are left out. */
export async function countOwnItems(
  db: Kysely<Database>,
  sellerId: string,
): Promise<{ counts: Partial<Record<ItemStatus, number>>; now: Date }> {
  const rows = await db
    .selectFrom('items')
    .select(['status', (eb) => eb.fn.countAll<bigint>().as('count')])
    .where('seller_id', '=', sellerId)
    .groupBy('status')
    .execute()
  const counts = Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]))
  return { counts, now: await readClock(db) }
}

/** A page of a seller's items by id, whatever their status, after the last one of the page before. */
export async function readSellerPage(
  db: Kysely<Database>,
  sellerId: string,
  after: string | undefined,
  limit: number,
): Promise<Item[]> {
  const rows = await db
    .selectFrom('items')
    .selectAll()
    .select(clock)
    .where('seller_id', '=', sellerId)
    .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map((row) => toReadItem(row).item)
}

type ItemQuery = SelectQueryBuilder<Database, 'items', object>

function itemsMatching(db: Kysely<Database>, { sellerId, status }: ListQuery): ItemQuery {
  let query: ItemQuery = db.selectFrom('items')
  if (sellerId !== undefined) query = query.where('seller_id', '=', sellerId)
  // A list and no parameter, so that the planner sees that the partial index fits.
  else query = query.where(sql<boolean>`status in (${sql.join(PUBLIC_STATUSES.map(sql.lit))})`)
  return status === undefined ? query : query.where('status', '=', status)
}

/** Counts public items in the order of the pages, so that an index ends the count; one too many shows that there are more. */
async function countFirst(db: Kysely<Database>, query: ListQuery): Promise<number> {
  const first = itemsMatching(db, query)
    .select('id')
    .orderBy('end_date')
    .orderBy('id')
    .limit(sql.lit(COUNTED_MAX + 1))
  const row = await db
    .selectFrom(first.as('first'))
    .select((eb) => eb.fn.countAll<bigint>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

async function count(query: ItemQuery): Promise<number> {
  const row = await query
    .select((eb) => eb.fn.countAll<bigint>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
