import { answers, Instant, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { ItemBody } from '#src/app/item/item-view.ts'
import { listedItems } from '#src/app/item/listed-items.ts'
import { createCursors } from '#src/app/item/search-cursor.ts'
import { isPublic } from '#src/domain/item.ts'
import { watchErrors } from '#src/errors.ts'
import { readItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { deleteWatch, insertWatch, readWatchlist } from '#src/infra/postgres/watchlist/watches.ts'

const WATCH = '/api/v1/items/:id/watch'
const WATCHES_MAX = 1_000
const tags = ['watchlist']
const params = Type.Object({ id: Uuid })

const ListQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 400 })),
  },
  STRICT,
)

const Watchlist = Type.Object(
  {
    items: Type.Array(Type.Object({ item: ItemBody, watchedAt: Instant })),
    nextCursor: Type.Optional(Type.String()),
  },
  { title: 'Watchlist' },
)

export interface WatchDependencies {
  db: Kysely<Database>
  secret: string
}

/** Items that users watch. */
export async function watchRoutes(app: App, dependencies: WatchDependencies): Promise<void> {
  const { db } = dependencies
  listRoute(app, dependencies)
  app.put(
    WATCH,
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags,
        operationId: 'watchItem',
        summary: 'Watch an item; again changes nothing',
        params,
        response: answers({ 204: Type.Null() }, [409]),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const read = await readItem(db, id)
      if (read === undefined || !isPublic(read.item.status)) throw watchErrors.itemNotFound()
      if (!(await insertWatch(db, id, user.id, WATCHES_MAX))) throw watchErrors.tooMany()
      return reply.code(204).send(null)
    },
  )
  app.delete(
    WATCH,
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags,
        operationId: 'unwatchItem',
        summary: 'Watch an item no longer; also right when it was never watched',
        params,
        response: answers({ 204: Type.Null() }),
      },
    },
    async ({ user, params: { id } }, reply) => {
      await deleteWatch(db, id, user.id)
      return reply.code(204).send(null)
    },
  )
}

function listRoute(app: App, { db, secret }: WatchDependencies): void {
  app.get(
    '/api/v1/watchlist',
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'listWatchedItems',
        summary: 'What you watch, the latest first',
        querystring: ListQuery,
        response: answers({ 200: Watchlist }),
      },
    },
    async ({ user, query: { limit, cursor } }, reply) => {
      // The user is part of the scope, so a cursor does not work for other users.
      const cursors = createCursors(secret, `watchlist\0${user.id}`)
      const position = cursor === undefined ? undefined : cursors.read(cursor)
      if (cursor !== undefined && position === undefined) throw watchErrors.invalidCursor()
      const after = position && { watchedAt: String(position[0]), itemId: String(position[1]) }
      // One extra row shows whether there is a next page.
      const read = await readWatchlist(db, user.id, limit + 1, after)
      const shown = read.slice(0, limit)
      const last = shown.at(-1)
      const items = await listedItems(
        db,
        shown.map(({ item }) => item),
        user.id,
      )
      reply.header('cache-control', 'no-store')
      return {
        items: shown.flatMap(({ watchedAt }, index) => {
          const item = items[index]
          return item === undefined ? [] : [{ item, watchedAt: watchedAt.toISOString() }]
        }),
        ...(last === undefined || read.length <= limit
          ? {}
          : { nextCursor: cursors.write([last.watchedAt.toISOString(), last.item.id]) }),
      }
    },
  )
}
