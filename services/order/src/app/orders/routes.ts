import { sendCsv } from '@auction/common/csv/write-csv.ts'
import { answers, OneOf, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { openAddress } from '#src/app/delivery/addresses.ts'
import { ORDER_STATES, type OrderState } from '#src/domain/order.ts'
import { possibleActions } from '#src/domain/possible-actions.ts'
import { readCancellationRequest } from '#src/infra/postgres/cancellation/requests.ts'
import { readShipments } from '#src/infra/postgres/delivery/shipments.ts'
import { hasDispute } from '#src/infra/postgres/disputes/disputes.ts'
import { readChanges } from '#src/infra/postgres/orders/changes.ts'
import {
  countOrdersOf,
  ORDERS_COUNTED_MAX,
  readOrdersOf,
  type Side,
} from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readStrike } from '#src/infra/postgres/strikes/strikes.ts'
import { exportOrders } from './export-orders.ts'
import { OrderPage, OrderSummary, orderSummary, shipmentView, timelineEntry } from './order-view.ts'
import { ORDER, ORDERS, OrderParams } from './paths.ts'
import { visibleOrder } from './visible-order.ts'

const tags = ['orders']

const Which = {
  role: Type.Unsafe<Side>({
    type: 'string',
    enum: ['buyer', 'seller'],
    default: 'buyer',
    description: 'What you bought, or what you sold.',
  }),
  state: Type.Optional(Type.Unsafe<OrderState>({ type: 'string', enum: [...ORDER_STATES] })),
}

const ListQuery = Type.Object(
  {
    ...Which,
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    cursor: Type.Optional(Uuid),
  },
  STRICT,
)

const OrderList = Type.Object(
  {
    orders: Type.Array(OrderSummary),
    nextCursor: Type.Optional(Type.String()),
    counts: Type.Array(
      Type.Object({
        state: OneOf(ORDER_STATES),
        count: Type.Integer({ minimum: 1, maximum: ORDERS_COUNTED_MAX }),
      }),
      {
        description: `States with orders. ${ORDERS_COUNTED_MAX.toLocaleString('en')} stands for more as well.`,
      },
    ),
  },
  { title: 'OrderList' },
)

/** Orders as their buyers and sellers read them. */
export async function orderRoutes(
  app: App,
  { db, box }: { db: Kysely<Database>; box: SecretBox },
): Promise<void> {
  app.get(
    ORDERS,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'listOrders',
        summary: 'What you bought or sold, the latest first, with counts by state',
        querystring: ListQuery,
        response: answers({ 200: OrderList }),
      },
    },
    async ({ user, query: { role, state, limit, cursor } }, reply) => {
      // One extra row shows whether there is a next page.
      const page = { side: role, state, before: cursor, limit: limit + 1 }
      const read = await readOrdersOf(db, user.id, page)
      const shown = read.slice(0, limit)
      const last = shown.at(-1)
      reply.header('cache-control', 'no-store')
      return {
        orders: shown.map((order) => orderSummary(order, role)),
        ...(last === undefined || read.length <= limit ? {} : { nextCursor: last.id }),
        counts: await countOrdersOf(db, user.id, role, ORDER_STATES),
      }
    },
  )
  app.get(
    `${ORDERS}/export.csv`,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'exportOrders',
        summary: 'Everything that you bought or sold, as CSV',
        description:
          'The latest first. A name that a spreadsheet would run as a formula has an apostrophe in front.',
        querystring: Type.Object(Which, STRICT),
        produces: ['text/csv'],
        response: answers({ 200: Type.String() }),
      },
    },
    async ({ user, query: { role, state } }, reply) => {
      const name = role === 'buyer' ? 'bought.csv' : 'sold.csv'
      return sendCsv(reply, name, exportOrders(db, user.id, { side: role, state }))
    },
  )
  app.get(
    ORDER,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'getOrder',
        summary: 'An order with everything that its page shows',
        params: OrderParams,
        response: answers({ 200: OrderPage }),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const { order, role } = await visibleOrder(db, id, user)
      reply.header('cache-control', 'no-store')
      const request = await readCancellationRequest(db, id)
      // A seller sends a parcel after it was paid, and needs no address before.
      const mayReadAddress = role === 'buyer' || (role === 'seller' && order.paidAt !== null)
      const strike = role === 'buyer' ? await readStrike(db, id) : undefined
      const address = mayReadAddress ? await openAddress(db, box, id) : undefined
      return {
        ...orderSummary(order, role),
        ...(order.delivery === null ? {} : { delivery: order.delivery }),
        ...(address === undefined ? {} : { address }),
        ...(order.paidBy === null ? {} : { paymentId: order.paidBy }),
        shipments: (await readShipments(db, id)).map(shipmentView),
        ...(request === undefined ? {} : { cancellationAskedBy: request.askedBy }),
        ...(strike === undefined ? {} : { strike }),
        actions: role === 'moderator' ? [] : possibleActions(order, role, await hasDispute(db, id)),
        timeline: (await readChanges(db, id)).map(timelineEntry),
        serverTime: (await readClock(db)).toISOString(),
      }
    },
  )
}
