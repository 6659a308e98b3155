import { type Expression, type Kysely, type SqlBool, sql } from 'kysely'
import type { Item } from '#src/domain/item.ts'
import type { Search, Sort } from '#src/domain/search.ts'
import { clock, toReadItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  bidColumnsOf,
  isExactIn,
  isNarrowed,
  type MatchMode,
  type Reach,
  rankIn,
  searchQuery,
} from './search-query.ts'

/** Totals and facets count no more matches than this. */
export const COUNTED_MAX = 1_000

export interface SearchPage {
  items: Item[]
  /** Ids of those that only look like the words. */
  similar: string[]
  /** Where the next page begins: the last item's place in the order. */
  last: (string | number)[] | undefined
  now: Date | undefined
}

export interface Facets {
  total: number
  status: Record<string, number>
  type: Record<string, number>
  buyNow: number
  categories: Record<string, number>
}

/** One page of what matches, after the position of the page before. */
export async function searchItems(
  db: Kysely<Database>,
  search: Search,
  matching: MatchMode,
  page: { limit: number; after: (string | number)[] | undefined },
): Promise<SearchPage> {
  const isOrdered = search.sort !== 'relevance'
  const reach = isOrdered || isNarrowed(search) ? 'joined' : 'ranked'
  const order = orderOf(search, reach)
  const value = order?.value ?? rankIn(search.text, matching, reach)
  let query = searchQuery(db, search, matching, reach)
    .selectAll('items')
    .select(clock)
    .select(isExactIn(search.text, matching, reach).as('is_exact'))
    .select(sql<string>`(${value})::text`.as('position'))
  const [at, id] = page.after ?? []
  if (order !== undefined && at !== undefined) {
    const compare = order.direction === 'asc' ? sql`>` : sql`<`
    query = query.where(
      sql<SqlBool>`(${order.value}, ${order.id}) ${compare} (${String(at)}::${order.type}, ${String(id)}::uuid)`,
    )
  }
  const direction = order?.direction ?? 'desc'
  const rows = await query
    .orderBy(value, direction)
    .orderBy(reach === 'ranked' ? sql`found.item_id` : (order?.id ?? sql`items.id`), direction)
    .limit(page.limit)
    // Ranks are computed and lie in no index; their pages are counted instead.
    .$if(order === undefined, (ranked) => ranked.offset(Number(at ?? 0)))
    .execute()
  const lastRow = rows.at(-1)
  return {
    items: rows.map((row) => toReadItem(row).item),
    similar: rows.filter(({ is_exact }) => !is_exact).map(({ id }) => id),
    now: lastRow?.server_time,
    last:
      lastRow === undefined || rows.length < page.limit
        ? undefined
        : order === undefined
          ? [Number(at ?? 0) + rows.length]
          : [lastRow.position, lastRow.id],
  }
}

/** Counts what matches by status, type, category and buy-now, up to COUNTED_MAX items. */
export async function countFacets(
  db: Kysely<Database>,
  search: Search,
  matching: MatchMode,
): Promise<Facets> {
  // With attributes the planner must begin there; an order would make it try all items.
  const isOrdered = search.text === undefined && search.attributes.length === 0
  const reach = isNarrowed(search) ? 'joined' : 'listed'
  const order = isOrdered ? orderOf(search, reach) : undefined
  const matched = searchQuery(db, search, matching, reach)
    .select(['items.status', 'items.type', 'items.category_ids', 'items.buy_now_available'])
    // Counted in the order of the page, so that the same index serves both.
    .$if(order !== undefined, (query) =>
      query
        .orderBy(order?.value ?? sql`0`, order?.direction)
        .orderBy(order?.id ?? sql`0`, order?.direction),
    )
    .limit(COUNTED_MAX)
  const { rows } = await sql<{ facet: string; value: string; count: bigint }>`
    with matched as materialized (${matched})
    select 'total' as facet, '' as value, count(*) as count from matched
    union all select 'status', status, count(*) from matched group by status
    union all select 'type', type, count(*) from matched group by type
    union all select 'buyNow', '', count(*) from matched where buy_now_available
    union all select 'categories', category::text, count(*)
      from matched, unnest(category_ids) as category group by category`.execute(db)
  const facets: Facets = { total: 0, status: {}, type: {}, buyNow: 0, categories: {} }
  for (const { facet, value, count } of rows) {
    if (facet === 'total' || facet === 'buyNow') facets[facet] = Number(count)
    else facets[facet as 'status' | 'type' | 'categories'][value] = Number(count)
  }
  return facets
}

interface Order {
  value: Expression<unknown>
  id: Expression<unknown>
  type: Expression<unknown>
  direction: 'asc' | 'desc'
}

function orderOf(search: Search, reach: Reach): Order | undefined {
  const { price, bidCount, id } = bidColumnsOf(search, reach)
  const orders: Record<Sort, Order | undefined> = {
    relevance: undefined,
    ending: { value: sql.ref('items.end_date'), id, type: sql`timestamptz`, direction: 'asc' },
    newest: { value: sql.ref('items.published_at'), id, type: sql`timestamptz`, direction: 'desc' },
    price: { value: price, id, type: sql`bigint`, direction: 'asc' },
    '-price': { value: price, id, type: sql`bigint`, direction: 'desc' },
    '-bids': { value: bidCount, id, type: sql`integer`, direction: 'desc' },
  }
  return orders[search.sort]
}
