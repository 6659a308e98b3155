import { type Expression, type Kysely, type SqlBool, sql } from 'kysely'
import type { Item } from '#src/domain/item.ts'
import type { Search, Sort } from '#src/domain/search.ts'
import { clock, type ItemRow, toReadItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  bidColumnsOf,
  isExactIn,
  isNarrowed,
  type MatchMode,
  type Reach,
  rankIn,
  reachOfNarrowed,
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

export interface PageQuery {
  limit: number
  after: (string | number)[] | undefined
}

type PageRow = ItemRow & { server_time: Date; is_exact: boolean; position: string }
type FacetRow = readonly [facet: string, value: string, count: number]

/** One page of what matches, after the position of the page before. */
export async function searchItems(
  db: Kysely<Database>,
  search: Search,
  matching: MatchMode,
  page: PageQuery,
): Promise<SearchPage> {
  const isOrdered = search.sort !== 'relevance'
  const reach = isOrdered || isNarrowed(search) ? reachOfNarrowed(search) : 'ranked'
  const order = orderOf(search, reach)
  const value = order?.value ?? rankIn(search.text, matching, reach)
  let query = searchQuery(db, search, matching, reach)
    .selectAll('items')
    .select(clock)
    .select(isExactIn(search.text, matching, reach).as('is_exact'))
    .select(sql<string>`(${value})::text`.as('position'))
  const [at] = page.after ?? []
  if (order !== undefined && at !== undefined) query = query.where(isBehind(order, page))
  const direction = order?.direction ?? 'desc'
  const rows = await query
    .orderBy(value, direction)
    .orderBy(reach === 'ranked' ? sql`found.item_id` : (order?.id ?? sql`items.id`), direction)
    .limit(page.limit)
    // Ranks are computed and lie in no index; their pages are counted instead.
    .$if(order === undefined, (ranked) => ranked.offset(Number(at ?? 0)))
    .execute()
  return toPage(rows, page, order)
}

/** A page and the counts of what matches. */
export async function searchAndCount(
  db: Kysely<Database>,
  search: Search,
  matching: MatchMode,
  page: PageQuery,
): Promise<[SearchPage, Facets]> {
  if (reachOfNarrowed(search) === 'met') return await meetAndCount(db, search, matching, page)
  // At the same time: both are short, and the user waits for the slower one only.
  return await Promise.all([
    searchItems(db, search, matching, page),
    countFacets(db, search, matching),
  ])
}

/**
 * Where lists of ids are compared, that is most of the work, and all matches are known before the first is shown. So
 * the page and its counts are of one statement that compares once.
 */
async function meetAndCount(
  db: Kysely<Database>,
  search: Search,
  matching: MatchMode,
  page: PageQuery,
): Promise<[SearchPage, Facets]> {
  const reach = 'met'
  const order = orderOf(search, reach)
  const matched = searchQuery(db, search, matching, reach)
    .select(['items.id', 'items.status', 'items.type', 'items.category_ids'])
    .select('items.buy_now_available')
    .select(isExactIn(search.text, matching, reach).as('is_exact'))
    .select(sql`${order?.value ?? rankIn(search.text, matching, reach)}`.as('value'))
  const [at] = page.after ?? []
  const shown = { value: sql.ref('matched.value'), id: sql.ref('matched.id') }
  const isAfter =
    order === undefined || at === undefined ? sql`true` : isBehind({ ...order, ...shown }, page)
  const direction = sql.raw(order?.direction ?? 'desc')
  // The counts come in the first row, which is there without an item as well.
  const { rows } = await sql<Partial<PageRow> & { facets: FacetRow[] | null }>`
    with matched as materialized (${matched}),
      counted as materialized (select * from matched limit ${sql.lit(COUNTED_MAX)}),
      facets as (${facetsOf('counted')}),
      page as (
        select id, value, is_exact, row_number() over (order by value ${direction}, id ${direction}) as nth
        from matched where ${isAfter}
        order by value ${direction}, id ${direction}
        limit ${page.limit} offset ${order === undefined ? Number(at ?? 0) : 0})
    select items.*, ${clock}, page.is_exact, page.value::text as position,
      case when row_number() over (order by page.nth) = 1 then counts.facets end as facets
    from (select json_agg(json_build_array(facet, value, count)) as facets from facets) as counts
      left join (page join items on items.id = page.id) on true
    order by page.nth`.execute(db)
  const found = rows.filter((row): row is PageRow & { facets: null } => row.id != null)
  return [toPage(found, page, order), toFacets(rows[0]?.facets ?? [])]
}

/** Counts what matches by status, type, category and buy-now, up to COUNTED_MAX items. */
export async function countFacets(
  db: Kysely<Database>,
  search: Search,
  matching: MatchMode,
): Promise<Facets> {
  // With attributes the planner must begin there; an order would make it try all items.
  const isOrdered = search.text === undefined && search.attributes.length === 0
  const reach = isNarrowed(search) ? reachOfNarrowed(search) : 'listed'
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
    with matched as materialized (${matched}) ${facetsOf('matched')}`.execute(db)
  return toFacets(rows.map(({ facet, value, count }) => [facet, value, Number(count)]))
}

/** The counts of each facet over the rows of a part of the statement. */
const facetsOf = (name: string) => sql`
  select 'total' as facet, '' as value, count(*) as count from ${sql.ref(name)}
  union all select 'status', status, count(*) from ${sql.ref(name)} group by status
  union all select 'type', type, count(*) from ${sql.ref(name)} group by type
  union all select 'buyNow', '', count(*) from ${sql.ref(name)} where buy_now_available
  union all select 'categories', category::text, count(*)
    from ${sql.ref(name)}, unnest(category_ids) as category group by category`

function toFacets(rows: readonly FacetRow[]): Facets {
  const facets: Facets = { total: 0, status: {}, type: {}, buyNow: 0, categories: {} }
  for (const [facet, value, count] of rows) {
    if (facet === 'total' || facet === 'buyNow') facets[facet] = count
    else facets[facet as 'status' | 'type' | 'categories'][value] = count
  }
  return facets
}

function toPage(
  rows: readonly PageRow[],
  { limit, after }: PageQuery,
  order: Order | undefined,
): SearchPage {
  const lastRow = rows.at(-1)
  return {
    items: rows.map((row) => toReadItem(row).item),
    similar: rows.filter(({ is_exact }) => !is_exact).map(({ id }) => id),
    now: lastRow?.server_time,
    last:
      lastRow === undefined || rows.length < limit
        ? undefined
        : order === undefined
          ? [Number(after?.[0] ?? 0) + rows.length]
          : [lastRow.position, lastRow.id],
  }
}

interface Order {
  value: Expression<unknown>
  id: Expression<unknown>
  type: Expression<unknown>
  direction: 'asc' | 'desc'
}

/** Whether a row comes after the last one of the page before. */
function isBehind({ value, id, type, direction }: Order, { after = [] }: PageQuery) {
  const compare = direction === 'asc' ? sql`>` : sql`<`
  const [lastValue, lastId] = after
  return sql<SqlBool>`(${value}, ${id}) ${compare} (${String(lastValue)}::${type}, ${String(lastId)}::uuid)`
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
