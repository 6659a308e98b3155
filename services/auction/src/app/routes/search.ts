import { Amount, answers, CurrencyCode, Instant, STRICT, Uuid } from '@auction/common/schemas.ts'
import type { App } from '@auction/common/server.ts'
import type { Kysely } from 'kysely'
import { type Static, Type } from 'typebox'
import { subtreeOf } from '#src/domain/category.ts'
import { PUBLIC_STATUSES } from '#src/domain/item.ts'
import {
  readAttributeFilters,
  readPrice,
  SEARCHED,
  type Search,
  SORTS,
} from '#src/domain/search.ts'
import { searchErrors } from '#src/errors.ts'
import { readCategories } from '#src/infra/postgres/categories.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { COUNTED_MAX } from '#src/infra/postgres/search.ts'
import { ItemBody, itemBody } from '../item-view.ts'
import { createCursors } from '../search-cursor.ts'
import { search } from '../search-items.ts'

const optional = Type.Optional
const AttributeText = Type.String({ minLength: 3, maxLength: 560 })
const literals = <T extends string>(values: readonly T[]) =>
  Type.Union(values.map((value) => Type.Literal(value)))

const SearchQuery = Type.Object(
  {
    q: optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Words, "phrases", -not' }),
    ),
    category: optional(Uuid),
    status: optional(literals(PUBLIC_STATUSES)),
    type: optional(literals(['english', 'sealed_first', 'sealed_second', 'dutch', 'reverse'])),
    seller: optional(Uuid),
    currencyCode: optional(CurrencyCode),
    minPrice: optional(Amount),
    maxPrice: optional(Amount),
    endingWithinMinutes: optional(Type.Integer({ minimum: 1, maximum: 43_200 })),
    buyNow: optional(Type.Boolean()),
    attribute: optional(
      Type.Union([AttributeText, Type.Array(AttributeText, { maxItems: 10 })], {
        description: 'key:value or key:from..to; repeat it for more',
      }),
    ),
    sort: optional(literals(SORTS)),
    facets: Type.Boolean({ default: false }),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    cursor: optional(Type.String({ minLength: 1, maxLength: 400 })),
  },
  STRICT,
)
type SearchQuery = Static<typeof SearchQuery>

const Counts = Type.Record(Type.String(), Type.Integer())
const SearchAnswer = Type.Object({
  items: Type.Array(ItemBody),
  nextCursor: optional(Type.String()),
  spelling: Type.String({ description: 'exact, or similar when nothing has the words as spelt' }),
  facets: optional(
    Type.Object({
      total: Type.Integer(),
      isTotalExact: Type.Boolean({ description: `false beyond ${COUNTED_MAX} items` }),
      status: Counts,
      type: Counts,
      buyNow: Type.Integer(),
      categories: Counts,
    }),
  ),
  serverTime: Instant,
})

export interface SearchRoutesOptions {
  db: Kysely<Database>
  /** Cursors are signed with it, so all replicas share it. */
  secret: string
}

/** Finding items by words and filters. */
export async function searchRoutes(app: App, { db, secret }: SearchRoutesOptions): Promise<void> {
  app.get(
    '/api/v1/items/search',
    {
      config: { auth: 'optional' },
      schema: {
        tags: ['search'],
        summary: 'Find items by words, category, price, attributes and more',
        querystring: SearchQuery,
        response: answers({ 200: SearchAnswer }),
      },
    },
    async (request, reply) => {
      const { limit, cursor, facets: withFacets, ...asked } = request.query
      const wanted = await readSearch(db, request.query)
      // Sorted, because the order of parameters means nothing.
      const cursors = createCursors(secret, JSON.stringify(Object.entries(asked).sort()))
      const after = cursor === undefined ? undefined : cursors.read(cursor)
      if (cursor !== undefined && after === undefined) throw searchErrors.invalidCursor()
      const result = await search(db, wanted, { limit, after, withFacets })
      reply.header('cache-control', 'no-store')
      const { facets } = result
      return {
        items: result.items.map((item) => itemBody(item, request.caller?.id)),
        ...(result.next === undefined ? {} : { nextCursor: cursors.write(result.next) }),
        spelling: result.matching === 'words' ? 'exact' : 'similar',
        ...(facets === undefined
          ? {}
          : { facets: { ...facets, isTotalExact: facets.total < COUNTED_MAX } }),
        serverTime: result.now.toISOString(),
      }
    },
  )
}

async function readSearch(db: Kysely<Database>, query: SearchQuery): Promise<Search> {
  const { q, currencyCode, status, type, seller, sort } = query
  const text = q?.normalize('NFC').trim()
  if (text?.includes('\0')) throw searchErrors.invalid({ field: 'q', reason: 'not_printable' })
  const attributes = readAttributeFilters(
    query.attribute === undefined ? [] : [query.attribute].flat(),
  )
  if (attributes === undefined) throw searchErrors.invalid({ field: 'attribute' })
  const price = (field: 'minPrice' | 'maxPrice') => {
    const read = readPrice(query[field], currencyCode)
    if (!read.ok) throw searchErrors.invalid({ field, reason: read.reason })
    return read.minor
  }
  if ((sort === 'price' || sort === '-price') && currencyCode === undefined) {
    throw searchErrors.invalid({ field: 'sort', reason: 'needs_currency' })
  }
  const hasText = text !== undefined && text !== ''
  return {
    text: hasText ? text : undefined,
    categoryIds: await readSubtree(db, query.category),
    statuses: status === undefined ? SEARCHED : [status],
    type,
    sellerId: seller,
    currencyCode,
    minPrice: price('minPrice'),
    maxPrice: price('maxPrice'),
    endingWithinMinutes: query.endingWithinMinutes,
    hasBuyNow: query.buyNow,
    attributes,
    sort: sort ?? (hasText ? 'relevance' : 'ending'),
  }
}

async function readSubtree(
  db: Kysely<Database>,
  id: string | undefined,
): Promise<string[] | undefined> {
  if (id === undefined) return undefined
  const ids = subtreeOf(await readCategories(db), id)
  if (ids.length === 0) throw searchErrors.invalid({ field: 'category', reason: 'not_found' })
  return ids
}
