import { answers, Instant, OneOf, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { ItemBody } from '#src/app/item/item-view.ts'
import { listedItems } from '#src/app/item/listed-items.ts'
import { createCursors } from '#src/app/item/search-cursor.ts'
import { searchErrors } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { COUNTED_MAX } from '#src/infra/postgres/search/search.ts'
import { filterFields, readSearch } from './search-filters.ts'
import { search } from './search-items.ts'

const optional = Type.Optional

const SearchQuery = Type.Object(
  {
    ...filterFields,
    facets: Type.Boolean({ default: false }),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    cursor: optional(Type.String({ minLength: 1, maxLength: 400 })),
  },
  STRICT,
)

const Counts = Type.Record(Type.String(), Type.Integer())
const SearchAnswer = Type.Object(
  {
    items: Type.Array(ItemBody),
    nextCursor: optional(Type.String()),
    spelling: Type.Unsafe<string>({
      ...OneOf(['exact', 'similar']),
      description: 'similar when nothing has the words as spelt',
    }),
    similar: Type.Array(Uuid, {
      description: 'Those of these items that only look like the words; few have them as spelt.',
    }),
    facets: optional(
      Type.Object({
        total: Type.Integer(),
        isTotalExact: Type.Boolean({
          description: `false beyond ${COUNTED_MAX} items; then all counts are of the first ${COUNTED_MAX} in the order asked for`,
        }),
        status: Counts,
        type: Counts,
        buyNow: Type.Integer(),
        categories: Counts,
      }),
    ),
    serverTime: Instant,
  },
  { title: 'SearchResult' },
)

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
        operationId: 'searchItems',
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
        items: await listedItems(db, result.items, request.caller?.id),
        ...(result.next === undefined ? {} : { nextCursor: cursors.write(result.next) }),
        spelling: result.matching === 'similar' ? 'similar' : 'exact',
        similar: result.similar,
        ...(facets === undefined
          ? {}
          : { facets: { ...facets, isTotalExact: facets.total < COUNTED_MAX } }),
        serverTime: result.now.toISOString(),
      }
    },
  )
}
