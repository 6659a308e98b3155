import { type Expression, type Kysely, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import { type AttributeFilter, isByBids, numbersAmong, type Search } from '#src/domain/search.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * How words are matched: as they are spelt, with some letters wrong, or either. Where some items have the
 * words, others must look more like them.
 */
export type MatchMode = 'words' | 'similar' | 'both'

type Query = SelectQueryBuilder<Database, 'items', object>

/** As names are stored. Both are computed once, when the statement is planned. */
const plain = (text: string) => sql<string>`search_text(${text})`
const wordsOf = (text: string) => sql`search_query(${text})`

/** Beside items that have the words, of three letters two must be right and at their place. */
const ALIKE = 0.7

const hasWordsOf = (text: string) => sql<SqlBool>`item_search.document @@ ${wordsOf(text)}`
const looksLike = (text: string) => sql<SqlBool>`${plain(text)} <% item_search.name`
const likeness = (text: string) => sql<number>`word_similarity(${plain(text)}, item_search.name)`
const weight = (text: string) =>
  sql<number>`ts_rank('{0, 0.1, 0.4, 1}', item_search.document, ${wordsOf(text)}, 1)`

function conditionOf(text: string, matching: MatchMode): Expression<SqlBool> {
  if (matching === 'words') return hasWordsOf(text)
  if (matching === 'similar') return looksLike(text)
  const isAlike = sql`${likeness(text)} >= ${sql.lit(ALIKE)}`
  return sql<SqlBool>`(${hasWordsOf(text)} or (${looksLike(text)} and ${isAlike}))`
}

function rankOf(text: string, matching: MatchMode): Expression<number> {
  if (matching === 'words') return weight(text)
  if (matching === 'similar') return likeness(text)
  // What has the words comes before what looks like them.
  return sql<number>`case when ${hasWordsOf(text)} then 1 + ${weight(text)} else ${likeness(text)} end`
}

/** Whether an item of this query has the words as they are spelt. */
export function isExactIn(text: string | undefined, matching: MatchMode, reach: Reach) {
  if (text === undefined || matching === 'words') return sql<boolean>`true`
  if (matching === 'similar') return sql<boolean>`false`
  return reach === 'joined' ? sql<boolean>`${hasWordsOf(text)}` : sql<boolean>`found.rank > 1`
}

/** Whether another filter leaves few items, so that the planner may begin with it. */
export const isNarrowed = ({ categoryIds, sellerId, endingWithinMinutes, attributes }: Search) =>
  (categoryIds ?? sellerId ?? endingWithinMinutes) !== undefined || attributes.length > 0

/**
 * `joined` leaves the plan to PostgreSQL, `ranked` and `listed` begin with the words. `met` compares the list of
 * items that have the words with those of the other filters.
 */
export type Reach = 'joined' | 'ranked' | 'listed' | 'met'

/**
 * How a search with a filter besides the words is done. Many items share a word, and many an attribute: the planner
 * would look up the document of each item with the attribute, one by one.
 */
export const reachOfNarrowed = ({ text, attributes }: Search): Reach =>
  text !== undefined && attributes.length > 0 ? 'met' : 'joined'

/**
 * Whether the search begins with item_ranking, where the indexes of prices and counts of bids are. It
 * has the same values as the items, of the open ones only.
 */
const isRanked = (search: Search, reach: Reach) =>
  isByBids(search) && (search.text === undefined || reach === 'joined' || reach === 'met')

/** Where price, number of bids and currency are read, and by which id equal ones are ordered. */
export function bidColumnsOf(search: Search, reach: Reach) {
  const table = isRanked(search, reach) ? 'item_ranking' : 'items'
  return {
    price: sql.ref<bigint>(`${table}.current_price`),
    bidCount: sql.ref<number>(`${table}.bid_count`),
    currency: sql.ref<string>(`${table}.currency_code`),
    id: sql.ref<string>(table === 'items' ? 'items.id' : 'item_ranking.item_id'),
  }
}

/** Equal ranks are ordered by id, of the table in which the rank is sorted. */
export function rankIn(
  text: string | undefined,
  matching: MatchMode,
  reach: Reach,
): Expression<number> {
  if (text === undefined) return sql<number>`0`
  return reach === 'joined' ? rankOf(text, matching) : sql<number>`found.rank`
}

/**
 * The items with the words. A common word has thousands: those are listed or ranked by the words
 * alone, and items are looked up one by one until there are enough. Left to itself, the planner
 * would sort whole documents and read all items.
 */
function withWords(
  db: Kysely<Database>,
  { text, sort }: Search & { text: string },
  matching: MatchMode,
  reach: Reach,
): Query {
  const condition = conditionOf(text, matching)
  if (reach === 'joined') {
    return db
      .selectFrom('items')
      .innerJoin('item_search', 'item_search.item_id', 'items.id')
      .where(condition) as unknown as Query
  }
  if (reach === 'met') {
    const isRankUsed = sort === 'relevance' || matching === 'both'
    const rank = isRankUsed ? rankOf(text, matching) : sql<number>`0`
    const found = sql`(with found as materialized (
        select item_id, ${rank} as rank from item_search where ${condition})
      select item_id, rank from found)`
    return db
      .selectFrom('items')
      .innerJoin(found.as('found'), (join) =>
        join.on(sql`found.item_id`, '=', sql.ref('items.id')),
      ) as unknown as Query
  }
  const rank = reach === 'ranked' ? rankOf(text, matching) : sql<number>`0`
  const found = sql`(with found as materialized (
      select item_id, ${rank} as rank from item_search where ${condition})
    select item_id, rank from found ${reach === 'ranked' ? sql`order by rank desc, item_id desc` : sql``})`
  return db.selectFrom(found.as('found')).innerJoinLateral(
    // The offset keeps this a look-up of one item.
    (eb) =>
      eb
        .selectFrom('items as item')
        .selectAll('item')
        .where('item.id', '=', sql<string>`found.item_id`)
        .offset(0)
        .as('items'),
    (join) => join.onTrue(),
  ) as unknown as Query
}

/** The items that match a search, in no order yet. */
export function searchQuery(
  db: Kysely<Database>,
  search: Search,
  matching: MatchMode,
  reach: Reach,
): Query {
  const { text, statuses, categoryIds, type, sellerId, currencyCode } = search
  const found =
    text === undefined
      ? (db.selectFrom('items') as unknown as Query)
      : withWords(db, { ...search, text }, matching, reach)
  const all = isRanked(search, reach)
    ? (found.innerJoin('item_ranking', 'item_ranking.item_id', 'items.id') as unknown as Query)
    : found
  const columns = bidColumnsOf(search, reach)
  // A list and no parameter, so that the planner sees that a partial index fits.
  return all
    .where(sql<SqlBool>`items.status in (${sql.join(statuses.map((status) => sql.lit(status)))})`)
    .$if(categoryIds !== undefined, (query) =>
      query.where(sql<SqlBool>`items.category_ids && ${[...(categoryIds ?? [])]}::uuid[]`),
    )
    .$if(type !== undefined, (query) => query.where('items.type', '=', type ?? 'english'))
    .$if(sellerId !== undefined, (query) => query.where('items.seller_id', '=', sellerId ?? ''))
    .$if(currencyCode !== undefined, (query) =>
      query.where(columns.currency, '=', currencyCode ?? ''),
    )
    .$call((query) => withPrice(query, search, columns.price))
    .$call((query) => search.attributes.reduce(withAttribute, query))
}

function withPrice(query: Query, search: Search, price: Expression<bigint>): Query {
  const { minPrice, maxPrice, endingWithinMinutes, hasBuyNow } = search
  let narrowed = query
  if (minPrice !== undefined) narrowed = narrowed.where(price, '>=', minPrice)
  if (maxPrice !== undefined) narrowed = narrowed.where(price, '<=', maxPrice)
  if (hasBuyNow !== undefined) narrowed = narrowed.where('items.buy_now_available', '=', hasBuyNow)
  if (endingWithinMinutes === undefined) return narrowed
  return narrowed.where(
    sql<SqlBool>`items.end_date between statement_timestamp()
      and statement_timestamp() + make_interval(mins => ${endingWithinMinutes})`,
  )
}

function withAttribute(query: Query, { key, values, range }: AttributeFilter): Query {
  const numbers = numbersAmong(values)
  const isValue = sql`attribute.value = any(${[...values]}::text[])`
  const isNumber = sql`attribute.number = any(${[...numbers]}::numeric[])`
  const condition =
    range === null
      ? numbers.length === 0
        ? isValue
        : sql`(${isValue} or ${isNumber})`
      : sql`attribute.number between coalesce(${range.from}::numeric, '-infinity')
          and coalesce(${range.to}::numeric, 'infinity')`
  return query.where(
    sql<SqlBool>`exists (select 1 from item_attributes as attribute
      where attribute.item_id = items.id and attribute.key = ${key} and ${condition})`,
  )
}
