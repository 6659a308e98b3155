import { type Expression, type Kysely, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { Item } from '#src/domain/item.ts'
import type { AttributeFilter, Search, Sort } from '#src/domain/search.ts'
import { clock, toReadItem } from './items.ts'
import type { Database } from './schema.ts'

/** Beyond this many matches nobody counts on: totals and facets stop here. */
export const COUNTED_MAX = 2_000
const SIMILARITY_MIN = 0.45

export interface SearchPage {
  items: Item[]
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

/** How words are looked for: as they stand, or forgiving wrong letters. */
export type Matching = 'words' | 'similar'

type Query = SelectQueryBuilder<Database, 'items' | 'item_search', object>

/** One page of what matches, after the position of the page before. */
export async function searchItems(
  db: Kysely<Database>,
  search: Search,
  matching: Matching,
  page: { limit: number; after: (string | number)[] | undefined },
): Promise<SearchPage> {
  const order = ORDERS[search.sort]
  const rank = rankOf(search.text, matching)
  const value = order?.value ?? rank
  let query = matches(db, search, matching)
    .selectAll('items')
    .select(clock)
    .select(sql<string>`(${value})::text`.as('position'))
  const [at, id] = page.after ?? []
  if (order !== undefined && at !== undefined) {
    const compare = order.direction === 'asc' ? sql`>` : sql`<`
    query = query.where(
      sql<SqlBool>`(${order.value}, items.id) ${compare} (${String(at)}::${order.type}, ${String(id)}::uuid)`,
    )
  }
  const direction = order?.direction ?? 'desc'
  const rows = await query
    .orderBy(value, direction)
    .orderBy('items.id', direction)
    .limit(page.limit)
    // Ranks are computed and lie in no index; their pages are counted instead.
    .$if(order === undefined, (ranked) => ranked.offset(Number(at ?? 0)))
    .execute()
  const lastRow = rows.at(-1)
  return {
    items: rows.map((row) => toReadItem(row).item),
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
  matching: Matching,
): Promise<Facets> {
  const matched = matches(db, search, matching)
    .select(['items.status', 'items.type', 'items.category_ids', 'items.buy_now_available'])
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
  type: Expression<unknown>
  direction: 'asc' | 'desc'
}

const ORDERS: Readonly<Record<Sort, Order | undefined>> = {
  relevance: undefined,
  ending: { value: sql.ref('items.end_date'), type: sql`timestamptz`, direction: 'asc' },
  newest: { value: sql.ref('items.published_at'), type: sql`timestamptz`, direction: 'desc' },
  price: { value: sql.ref('items.current_price'), type: sql`bigint`, direction: 'asc' },
  '-price': { value: sql.ref('items.current_price'), type: sql`bigint`, direction: 'desc' },
  '-bids': { value: sql.ref('items.bid_count'), type: sql`integer`, direction: 'desc' },
}

const plain = (text: string) => sql<string>`lower(unaccent(${text}))`
const wordsOf = (text: string) => sql`websearch_to_tsquery('item_search', ${text})`

function rankOf(text: string | undefined, matching: Matching): Expression<number> {
  if (text === undefined) return sql<number>`0`
  return matching === 'words'
    ? sql<number>`ts_rank('{0, 0.1, 0.4, 1}', item_search.document, ${wordsOf(text)}, 1)`
    : sql<number>`word_similarity(${plain(text)}, item_search.name)`
}

function matches(db: Kysely<Database>, search: Search, matching: Matching): Query {
  const { text, statuses, categoryIds, type, sellerId, currencyCode } = search
  // The words are joined only for a text. The type has them always; without a text nothing names them.
  const all =
    text === undefined
      ? (db.selectFrom('items') as unknown as Query)
      : (db
          .selectFrom('items')
          .innerJoin('item_search', 'item_search.item_id', 'items.id') as Query)
  // A list and not a parameter, or the planner could not see that a partial index fits.
  return all
    .where(sql<SqlBool>`items.status in (${sql.join(statuses.map((status) => sql.lit(status)))})`)
    .$if(text !== undefined && matching === 'words', (query) =>
      query.where(sql<SqlBool>`item_search.document @@ ${wordsOf(text ?? '')}`),
    )
    .$if(text !== undefined && matching === 'similar', (query) =>
      query
        .where(sql<SqlBool>`${plain(text ?? '')} <% item_search.name`)
        .where(
          sql<SqlBool>`word_similarity(${plain(text ?? '')}, item_search.name) >= ${SIMILARITY_MIN}`,
        ),
    )
    .$if(categoryIds !== undefined, (query) =>
      query.where(sql<SqlBool>`items.category_ids && ${[...(categoryIds ?? [])]}::uuid[]`),
    )
    .$if(type !== undefined, (query) => query.where('items.type', '=', type ?? 'english'))
    .$if(sellerId !== undefined, (query) => query.where('items.seller_id', '=', sellerId ?? ''))
    .$if(currencyCode !== undefined, (query) =>
      query.where('items.currency_code', '=', currencyCode ?? ''),
    )
    .$call((query) => withPrice(query, search))
    .$call((query) => search.attributes.reduce(withAttribute, query))
}

function withPrice(query: Query, search: Search): Query {
  const { minPrice, maxPrice, endingWithinMinutes, hasBuyNow } = search
  let narrowed = query
  if (minPrice !== undefined) narrowed = narrowed.where('items.current_price', '>=', minPrice)
  if (maxPrice !== undefined) narrowed = narrowed.where('items.current_price', '<=', maxPrice)
  if (hasBuyNow !== undefined) narrowed = narrowed.where('items.buy_now_available', '=', hasBuyNow)
  if (endingWithinMinutes === undefined) return narrowed
  return narrowed.where(
    sql<SqlBool>`items.end_date between statement_timestamp()
      and statement_timestamp() + make_interval(mins => ${endingWithinMinutes})`,
  )
}

function withAttribute(query: Query, { key, values, range }: AttributeFilter): Query {
  const condition =
    range === null
      ? sql`attribute.value = any(${[...values]}::text[])`
      : sql`attribute.number between coalesce(${range.from}::numeric, '-infinity')
          and coalesce(${range.to}::numeric, 'infinity')`
  return query.where(
    sql<SqlBool>`exists (select 1 from item_attributes as attribute
      where attribute.item_id = items.id and attribute.key = ${key} and ${condition})`,
  )
}
