import { answers, Instant, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { ItemBody } from '#src/app/item/item-view.ts'
import { listedItems } from '#src/app/item/listed-items.ts'
import { createCursors } from '#src/app/item/search-cursor.ts'
import { readQuery } from '#src/app/search/search-filters.ts'
import { ITEM_STATUSES } from '#src/domain/item.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { itemErrors } from '#src/errors.ts'
import { countOwnItems, readOwnItems } from '#src/infra/postgres/listing/item-list.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const Query = Type.Object(
  {
    status: Type.Optional(Type.Union(ITEM_STATUSES.map((status) => Type.Literal(status)))),
    q: Type.Optional(WrittenText(TEXTS.searchText, { about: 'Part of the name, in any case.' })),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 400 })),
  },
  STRICT,
)

const Answer = Type.Object(
  {
    items: Type.Array(ItemBody),
    counts: Type.Record(Type.String(), Type.Integer(), {
      description: 'How many of your items are in each state; every state is there.',
    }),
    nextCursor: Type.Optional(Type.String({ description: 'Absent on the last page.' })),
    serverTime: Instant,
  },
  { title: 'MyItemList' },
)

export interface MyItemsDependencies {
  db: Kysely<Database>
  secret: string
}

/** A seller's own items. */
export async function myItemRoutes(app: App, { db, secret }: MyItemsDependencies): Promise<void> {
  app.get(
    '/api/v1/my/items',
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags: ['items'],
        operationId: 'listMyItems',
        summary: 'Your items, newest first, with how many there are in each state',
        querystring: Query,
        response: answers({ 200: Answer }),
      },
    },
    async ({ user, query: { status, q = '', limit, cursor } }, reply) => {
      const words = readQuery(q)
      // The user is part of the scope, so a cursor does not work for other users.
      const cursors = createCursors(secret, JSON.stringify(['my-items', user.id, status, words]))
      const position = cursor === undefined ? undefined : cursors.read(cursor)
      if (cursor !== undefined && position === undefined) throw itemErrors.invalidCursor()
      const before = position === undefined ? undefined : String(position[0])
      // One extra row shows whether there is a next page.
      const [read, { counts, now }] = await Promise.all([
        readOwnItems(db, user.id, { status, words, before, limit: limit + 1 }),
        countOwnItems(db, user.id),
      ])
      const shown = read.slice(0, limit)
      const last = shown.at(-1)
      reply.header('cache-control', 'no-store')
      return {
        items: await listedItems(db, shown, user.id),
        counts: Object.fromEntries(ITEM_STATUSES.map((each) => [each, counts[each] ?? 0])),
        ...(last === undefined || read.length <= limit
          ? {}
          : { nextCursor: cursors.write([last.id]) }),
        serverTime: now.toISOString(),
      }
    },
  )
}
