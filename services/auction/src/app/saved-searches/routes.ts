import { answers, Instant, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { newId } from '@auction/common/ids.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import {
  type Filters,
  filterFields,
  readSearch,
  savedFields,
} from '#src/app/search/search-filters.ts'
import { readSavedName, SAVED_MAX } from '#src/domain/search.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { savedSearchErrors } from '#src/errors.ts'
import {
  deleteSavedSearch,
  hasWords,
  insertSavedSearch,
  readSavedSearches,
  type SavedSearch,
} from '#src/infra/postgres/saved-searches/saved-searches.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const SAVED = '/api/v1/saved-searches'
const tags = ['search']

const SavedBody = Type.Object(
  {
    name: WrittenText(TEXTS.savedSearchName),
    filters: Type.Object(savedFields, {
      ...STRICT,
      description: 'As in GET /items/search, without endingWithinMinutes',
    }),
  },
  { ...STRICT, title: 'NewSavedSearch' },
)

// Without bounds: what was stored under other bounds must be readable, and the serializer enforces them in a union.
const StoredAttribute = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())]))

const SavedAnswer = Type.Object(
  {
    id: Uuid,
    name: Type.String(),
    filters: Type.Object({ ...filterFields, attribute: StoredAttribute }),
    createdAt: Instant,
  },
  { title: 'SavedSearch' },
)

/** Saved searches; their owners are notified of new items (`item.search_matched.v1`). */
export async function savedSearchRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  saveRoute(app, db)
  app.get(
    SAVED,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'listSavedSearches',
        summary: 'Your saved searches',
        response: answers({
          200: Type.Object({ items: Type.Array(SavedAnswer) }, { title: 'SavedSearchList' }),
        }),
      },
    },
    async ({ user }, reply) => {
      reply.header('cache-control', 'no-store')
      return { items: (await readSavedSearches(db, user.id)).map(savedAnswer) }
    },
  )
  app.delete(
    `${SAVED}/:id`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'deleteSavedSearch',
        summary: 'Delete a saved search',
        params: Type.Object({ id: Uuid }),
        response: answers({ 204: Type.Null() }),
      },
    },
    async ({ user, params: { id } }, reply) => {
      if (!(await deleteSavedSearch(db, id, user.id))) throw savedSearchErrors.notFound()
      return reply.code(204).send(null)
    },
  )
}

function saveRoute(app: App, db: Kysely<Database>): void {
  app.post(
    SAVED,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'createSavedSearch',
        summary: 'Save a search and be notified of new items that match it',
        body: SavedBody,
        response: answers({ 201: SavedAnswer }, [409]),
      },
    },
    async ({ user, body: { name: text, filters } }, reply) => {
      const name = readSavedName(text)
      if (name === undefined) throw savedSearchErrors.invalid({ field: 'name' })
      const search = await readSearch(db, filters)
      if (filters.q !== undefined && !(await hasWords(db, search.text ?? ''))) {
        throw savedSearchErrors.invalid({ field: 'q', reason: 'no_words' })
      }
      const about = { id: newId(), userId: user.id, name, filters, search }
      const outcome = await db
        .transaction()
        .execute((tx) =>
          insertSavedSearch(tx, { ...about, categoryId: filters.category }, SAVED_MAX),
        )
      if (outcome.kind === 'too_many') throw savedSearchErrors.tooMany({ limit: SAVED_MAX })
      if (outcome.kind === 'exists') throw savedSearchErrors.exists({ id: outcome.id })
      reply.code(201)
      return savedAnswer(outcome.search)
    },
  )
}

function savedAnswer({ id, name, filters, createdAt }: SavedSearch) {
  return { id, name, filters: filters as Filters, createdAt: createdAt.toISOString() }
}
