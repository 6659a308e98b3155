import type { ErrorFactory } from '@auction/common/http/errors.ts'
import {
  IDEMPOTENCY_KEY_CHARACTERS,
  readIdempotencyKey,
} from '@auction/common/http/idempotency-key.ts'
import {
  Amount,
  answers,
  CurrencyCode,
  Instant,
  STRICT,
  Uuid,
} from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { type SharedAnswers, sendShared } from '@auction/common/http/shared-answers.ts'
import { fieldOf } from '@auction/common/http/validation.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ItemAnswer, ItemBody, ItemPage, itemAnswer } from '#src/app/item/item-view.ts'
import { listedItems } from '#src/app/item/listed-items.ts'
import { createCursors } from '#src/app/item/search-cursor.ts'
import { EXTENSION_MODES, ITEM_STATUSES, ITEM_TYPES } from '#src/domain/item.ts'
import { DEPOSIT_PERCENT_MAX, RESERVATION_MINUTES_MIN } from '#src/domain/listing.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { itemErrors } from '#src/errors.ts'
import { COUNTED_MAX, createItemLists } from '#src/infra/postgres/listing/item-list.ts'
import { createItem } from './create-item.ts'
import { deleteDraft } from './delete-item.ts'
import { type PublishDependencies, publish } from './publish-item.ts'
import { readItemPage } from './read-item-page.ts'
import { editItem } from './update-item.ts'

const ITEMS = '/api/v1/items'
const ITEM = `${ITEMS}/:id`
const params = Type.Object({ id: Uuid })
const tags = ['items']
// It is stored with a prefix.
const KEY_LENGTH_MAX = 100

// The largest description, also when its characters are escaped, which makes them three times as long.
const BODY_LIMIT_BYTES = 160 * 1024

const optional = Type.Optional
const OptionalAmount = optional(Type.Union([Amount, Type.Null()]))

const required = {
  name: WrittenText(TEXTS.itemName),
  currencyCode: CurrencyCode,
  startPrice: Amount,
  startDate: Instant,
  endDate: Instant,
}

const optionals = {
  description: optional(WrittenText(TEXTS.itemDescription, { isOptional: true })),
  type: optional(Type.Union(ITEM_TYPES.map((type) => Type.Literal(type)))),
  bidIncrement: OptionalAmount,
  reservePrice: OptionalAmount,
  buyoutPrice: OptionalAmount,
  buyoutReservationMinutes: optional(
    Type.Union([Type.Integer({ minimum: RESERVATION_MINUTES_MIN, maximum: 1_440 }), Type.Null()]),
  ),
  depositAmount: OptionalAmount,
  depositPercent: optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: DEPOSIT_PERCENT_MAX }), Type.Null()]),
  ),
  extensionThresholdMinutes: optional(
    Type.Union([Type.Integer({ minimum: 0, maximum: 1_440 }), Type.Null()]),
  ),
  extensionDurationMinutes: optional(Type.Integer({ minimum: 0, maximum: 1_440 })),
  extensionMode: optional(Type.Union(EXTENSION_MODES.map((mode) => Type.Literal(mode)))),
  maxExtensionMinutes: optional(Type.Integer({ minimum: 0, maximum: 10_080 })),
  maxExtensions: optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
}

/** What POST /items takes. Status, current price and owner are not the caller's to set. */
const CreateBody = Type.Object({ ...required, ...optionals }, { ...STRICT, title: 'NewItem' })

/** What PUT /items/:id takes: absent fields stay, null clears an optional one. */
const UpdateBody = Type.Object(
  {
    name: optional(required.name),
    currencyCode: optional(CurrencyCode),
    startPrice: optional(Amount),
    startDate: optional(Instant),
    endDate: optional(Instant),
    ...optionals,
    version: optional(
      Type.Integer({
        minimum: 1,
        description: 'Refuse the change if the item has another version.',
      }),
    ),
  },
  { title: 'ItemChanges', ...STRICT, minProperties: 1 },
)

const ListQuery = Type.Object(
  {
    page: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 1,
      description: `Pages by number have the first ${COUNTED_MAX} items; nextCursor leads further. Those of your own items do not end.`,
    }),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    status: optional(Type.Union(ITEM_STATUSES.map((status) => Type.Literal(status)))),
    mine: Type.Boolean({ default: false, description: 'Only your own, drafts included.' }),
    cursor: optional(
      Type.String({
        minLength: 1,
        maxLength: 400,
        description: 'The page after the one that gave it as nextCursor; `page` stays 1 then.',
      }),
    ),
    sort: Type.Union([Type.Literal('endDate'), Type.Literal('-endDate')], { default: 'endDate' }),
  },
  STRICT,
)

const ItemList = Type.Object(
  {
    items: Type.Array(ItemBody),
    page: Type.Integer(),
    pageSize: Type.Integer(),
    totalItems: Type.Integer({ description: 'Of a public list up to a second old.' }),
    isTotalExact: Type.Boolean({
      description: `false when a public list has more than ${COUNTED_MAX} items; totalItems is ${COUNTED_MAX} then.`,
    }),
    totalPages: Type.Integer({ description: 'Pages that `page` can name.' }),
    nextCursor: Type.Optional(Type.String({ description: 'Absent on the last page.' })),
    serverTime: Instant,
  },
  { title: 'ItemList' },
)

/** Listings: what sellers offer, with the public read model of the bidding on it. */
export async function itemRoutes(
  app: App,
  dependencies: PublishDependencies & ReadDependencies,
): Promise<void> {
  readRoutes(app, dependencies)
  createRoute(app, dependencies)
  changeRoutes(app, dependencies)
  app.post(
    `${ITEM}/publish`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'publishItem',
        summary: 'Publish a draft; again answers the same',
        params,
        response: answers({ 200: ItemAnswer }, [409, 422]),
      },
    },
    async (request) => {
      const sellerId = request.user.id
      const { trace } = request
      const { item, now } = await publish(dependencies, {
        itemId: request.params.id,
        sellerId,
        roles: request.user.roles,
        trace,
      })
      return itemAnswer(item, now, sellerId)
    },
  )
}

type ReadDependencies = Pick<PublishDependencies, 'db'> & { secret: string; shared: SharedAnswers }

/** Callers without a token all see the same, so they share one answer. */
function readRoutes(app: App, { db, secret, shared }: ReadDependencies): void {
  const lists = createItemLists(db)
  app.get(
    ITEMS,
    {
      config: { auth: 'optional' },
      schema: {
        tags,
        operationId: 'listItems',
        summary: 'Items by their end; your own drafts with mine=true',
        querystring: ListQuery,
        response: answers({ 200: ItemList }),
      },
    },
    async (request, reply) => {
      const { page, limit, status, mine, sort, cursor } = request.query
      if (mine && request.caller === null) throw itemErrors.unauthenticated()
      const sellerId = mine ? request.caller?.id : undefined
      const cursors = createCursors(secret, JSON.stringify(['items', sellerId, status, sort]))
      const after = cursor === undefined ? undefined : cursors.read(cursor)
      if (cursor !== undefined && (after === undefined || page !== 1)) {
        throw itemErrors.invalidCursor()
      }
      // PostgreSQL reads all that an offset passes over; an own list has no more than its seller listed.
      if (!mine && (page - 1) * limit >= COUNTED_MAX) {
        throw itemErrors.pageTooDeep({ field: 'page', reason: 'too_deep' })
      }
      const ask = async () => {
        const list = await lists.read({
          sellerId,
          status,
          order: sort === 'endDate' ? ('asc' as const) : ('desc' as const),
          limit,
          offset: (page - 1) * limit,
          after: after && { end: String(after[0]), id: String(after[1]) },
        })
        const body = {
          items: await listedItems(db, list.items, request.caller?.id),
          page,
          pageSize: limit,
          totalItems: list.totalItems,
          isTotalExact: list.isTotalExact,
          totalPages: Math.ceil(list.totalItems / limit),
          ...(list.next === undefined
            ? {}
            : { nextCursor: cursors.write([list.next.end, list.next.id]) }),
        }
        return { body, now: list.now, nowCameAtMs: list.nowCameAtMs }
      }
      reply.header('cache-control', 'no-store')
      if (request.caller === null) {
        const key = JSON.stringify(['list', page, limit, status, sort, cursor])
        return sendShared(reply, shared, key, ask)
      }
      const { body, now } = await ask()
      return { ...body, serverTime: now.toISOString() }
    },
  )

  app.get(
    ITEM,
    {
      config: { auth: 'optional' },
      schema: {
        tags,
        operationId: 'getItem',
        summary: 'One item',
        params,
        response: answers({ 200: ItemPage }),
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const ask = () => readItemPage(db, id, request.caller)
      reply.header('cache-control', 'no-store')
      if (request.caller === null) return sendShared(reply, shared, id, ask)
      const { body, now } = await ask()
      return { ...body, serverTime: now.toISOString() }
    },
  )
}

function createRoute(app: App, dependencies: PublishDependencies): void {
  app.post(
    ITEMS,
    {
      config: { auth: 'bearer', access: 'own' },
      bodyLimit: BODY_LIMIT_BYTES,
      // Schema errors of this route have this service's own code too.
      attachValidation: true,
      schema: {
        tags,
        operationId: 'createItem',
        summary: 'Create a draft',
        description:
          'Send an Idempotency-Key: the same key gets the same draft, as it was created first.',
        headers: Type.Object({
          'idempotency-key': optional(
            Type.String({ description: `1 to ${KEY_LENGTH_MAX} of ${IDEMPOTENCY_KEY_CHARACTERS}` }),
          ),
        }),
        body: CreateBody,
        response: answers({ 201: ItemAnswer }, [409]),
      },
    },
    async (request, reply) => {
      refuseInvalid(request, itemErrors.createInvalid)
      const sellerId = request.user.id
      const header = request.headers['idempotency-key']
      const key = header === undefined ? undefined : readIdempotencyKey(header)
      if (header !== undefined && (key === undefined || key.length > KEY_LENGTH_MAX)) {
        throw itemErrors.createKeyInvalid({ field: 'idempotency-key' })
      }
      const { item, now } = await createItem(dependencies, {
        sellerId,
        input: request.body,
        key,
        trace: request.trace,
      })
      reply.code(201).header('location', `${ITEMS}/${item.id}`)
      return itemAnswer(item, now, sellerId)
    },
  )
}

function changeRoutes(app: App, dependencies: PublishDependencies): void {
  app.put(
    ITEM,
    {
      config: { auth: 'bearer', access: 'owner' },
      bodyLimit: BODY_LIMIT_BYTES,
      attachValidation: true,
      schema: {
        tags,
        operationId: 'updateItem',
        summary: 'Change some fields; with bids only a longer description and a lower reserve',
        params,
        body: UpdateBody,
        response: answers({ 200: ItemAnswer }, [409, 422]),
      },
    },
    async (request) => {
      refuseInvalid(request, itemErrors.updateInvalid)
      const sellerId = request.user.id
      const { version, ...changes } = request.body
      const { item, now } = await editItem(dependencies, {
        itemId: request.params.id,
        sellerId,
        changes,
        version,
        trace: request.trace,
      })
      return itemAnswer(item, now, sellerId)
    },
  )

  app.delete(
    ITEM,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'deleteItem',
        summary: 'Delete a draft',
        params,
        response: answers({ 204: Type.Null() }, [409]),
      },
    },
    async (request, reply) => {
      const { trace } = request
      await deleteDraft(dependencies, {
        itemId: request.params.id,
        sellerId: request.user.id,
        trace,
      })
      return reply.code(204).send(null)
    },
  )
}

function refuseInvalid(request: FastifyRequest, invalid: ErrorFactory): void {
  const { validationError } = request
  if (validationError === undefined) return
  // An error of the path is no error of the body, and a missing body has no field to name.
  const [first] = validationError.validation ?? []
  if (first === undefined || validationError.validationContext !== 'body') throw validationError
  throw invalid({ field: fieldOf(first), reason: first.message ?? 'is not valid' })
}
