import { serviceUnavailable } from '@auction/common/http/errors.ts'
import { IDEMPOTENCY_KEY_FORMAT, readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { Amount, answers, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import { ItemAnswer, itemAnswer } from '#src/app/item/item-view.ts'
import { notFoundOrForbidden } from '#src/app/item/not-found-or-forbidden.ts'
import { demandSellerRole, type PublishDependencies } from '#src/app/listing/publish-item.ts'
import { AUTO_RELISTS_MAX, isPlannable, PRICE_DROP_PERCENT_MAX } from '#src/domain/relist.ts'
import { relistErrors } from '#src/errors.ts'
import { lockOwnItem } from '#src/infra/postgres/item/items.ts'
import { setPlan } from '#src/infra/postgres/relisting/relists.ts'
import { type RelistDependencies, relistItem } from './relist-item.ts'

const tags = ['items']
const params = Type.Object({ id: Uuid })
const orNone = Type.Optional(Type.Union([Amount, Type.Null()]))

const RelistBody = Type.Object(
  {
    startPrice: Type.Optional(Amount),
    bidIncrement: orNone,
    reservePrice: orNone,
    buyoutPrice: orNone,
  },
  { ...STRICT, title: 'Relist' },
)

const PlanBody = Type.Object(
  {
    times: Type.Integer({
      minimum: 0,
      maximum: AUTO_RELISTS_MAX,
      description: 'How often it is put up for auction again by itself; 0: never.',
    }),
    priceDropPercent: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: PRICE_DROP_PERCENT_MAX,
        description: 'By so much each time lowers the start price of the round before.',
      }),
    ),
  },
  { ...STRICT, title: 'AutoRelist' },
)

export interface RelistRoutesOptions
  extends RelistDependencies,
    Pick<PublishDependencies, 'isSellerRoleRequired'> {
  /** What the operator allows of automatic relists. */
  autoRelistsMax: number
  priceDropPercentMax: number
}

/** Another round of an item that was not sold, by hand and by itself (R-RELIST-1, R-RELIST-2). */
export async function relistRoutes(app: App, options: RelistRoutesOptions): Promise<void> {
  app.post(
    '/api/v1/items/:id/relist',
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'relistItem',
        summary: 'Put your item that was not sold up for auction again, as a new item',
        description:
          'It begins at once and lasts as long as it was meant to before. Open offers of it are withdrawn. ' +
          'Send an Idempotency-Key: the same key gets the same new item.',
        params,
        headers: Type.Object({
          'idempotency-key': Type.Optional(Type.String({ description: IDEMPOTENCY_KEY_FORMAT })),
        }),
        body: RelistBody,
        response: answers({ 201: ItemAnswer }, [409, 422]),
      },
    },
    async ({ user, params: { id }, headers, body, trace }, reply) => {
      demandSellerRole(options, user.roles)
      const header = headers['idempotency-key']
      const key = header === undefined ? null : readIdempotencyKey(header)
      if (key === undefined) throw relistErrors.keyInvalid({ field: 'idempotency-key' })
      const result = await relistItem(options, {
        itemId: id,
        sellerId: user.id,
        isAutomatic: false,
        changes: body,
        key,
        trace,
      })
      if (result.kind === 'unknown') throw serviceUnavailable({ service: 'bid' })
      if (result.kind !== 'relisted') throw relistErrors.notRelistable()
      const { item, now } = result.read
      reply.code(201).header('location', `/api/v1/items/${item.id}`)
      return itemAnswer(item, now, user.id)
    },
  )

  app.put(
    '/api/v1/items/:id/auto-relist',
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'setAutoRelist',
        summary:
          'Choose whether your item is put up for auction again by itself when it is not sold',
        params,
        body: PlanBody,
        response: answers({ 200: ItemAnswer }, [409, 422]),
      },
    },
    async ({ user, params: { id }, body: { times, priceDropPercent = 0 } }) => {
      // Turning it off is for everyone.
      if (times > 0) demandSellerRole(options, user.roles)
      if (times > options.autoRelistsMax) {
        throw relistErrors.invalid({ field: 'times', reason: 'too_many' })
      }
      if (priceDropPercent > options.priceDropPercentMax) {
        throw relistErrors.invalid({ field: 'priceDropPercent', reason: 'too_much' })
      }
      return options.db.transaction().execute(async (tx) => {
        const read = await lockOwnItem(tx, id, user.id)
        if (read === undefined) throw await notFoundOrForbidden(tx, id, relistErrors.notFound)
        const { status } = read.item
        if (!isPlannable(read.item)) throw relistErrors.notRelistable({ status })
        const plan = { autoRelists: times, relistPriceDropPercent: priceDropPercent }
        const { item, now } = await setPlan(tx, id, plan)
        return itemAnswer(item, now, user.id)
      })
    },
  )
}
