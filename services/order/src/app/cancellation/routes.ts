import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import { answers } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Kysely, Transaction } from 'kysely'
import { Type } from 'typebox'
import { cancelOrder } from '#src/app/orders/cancel-order.ts'
import { insistChanged, withOwnOrder } from '#src/app/orders/own-order.ts'
import { ORDER, OrderParams } from '#src/app/orders/paths.ts'
import { perform } from '#src/app/orders/perform.ts'
import { type Act, changeOrder } from '#src/domain/change-order.ts'
import { hoursAfter } from '#src/domain/due-dates.ts'
import { isUnpaid } from '#src/domain/order.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import { orderErrors } from '#src/errors.ts'
import {
  deleteCancellationRequest,
  insertCancellationRequest,
  readCancellationRequest,
} from '#src/infra/postgres/cancellation/requests.ts'
import { deleteTakeBack, insertTakeBack } from '#src/infra/postgres/cancellation/take-backs.ts'
import { isUnitTaken, type OrderRecord } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readBar } from '#src/infra/postgres/standings/barred.ts'
import { takeBackUnit } from './take-back-unit.ts'

const tags = ['orders']
const config = { auth: 'bearer', access: 'owner' } as const
const DONE = { 204: Type.Null() }
const Agreement = Type.Object(
  { isCancelled: Type.Boolean({ description: 'False: the other side has not agreed yet.' }) },
  { title: 'CancellationAgreement' },
)

export interface CancellationOptions {
  db: Kysely<Database>
  settings: OrderSettings
  /** The bid service, which knows whether the unit is still free. */
  lots: InternalClient
}

/** How an order that is not paid ends, and how its seller takes the buyer back (R-ORDER-9). */
export async function cancellationRoutes(
  app: App,
  { db, settings, lots }: CancellationOptions,
): Promise<void> {
  app.post(
    `${ORDER}/cancellation`,
    {
      config,
      schema: {
        tags,
        operationId: 'cancelOrder',
        summary: 'As its seller: cancel an order that is not paid; the buyer gets no strike',
        params: OrderParams,
        response: answers(DONE, [409]),
      },
    },
    async ({ user, params: { id }, trace }, reply) => {
      await withOwnOrder(db, id, user, ['seller'], async (tx, order, actor) => {
        if (order.cancelReason === 'seller') return
        const change = await cancelOrder(tx, order, settings, { reason: 'seller', actor, trace })
        insistChanged(order, change)
      })
      reply.code(204)
      return null
    },
  )
  app.put(
    `${ORDER}/cancellation-request`,
    {
      config,
      schema: {
        tags,
        operationId: 'agreeToCancellation',
        summary: 'Ask to cancel by agreement, or agree to what the other side asked; no strike',
        params: OrderParams,
        response: answers({ 200: Agreement }, [409]),
      },
    },
    async ({ user, params: { id }, trace }) => {
      const isCancelled = await withOwnOrder(
        db,
        id,
        user,
        ['buyer', 'seller'],
        async (tx, order, actor) => {
          if (order.cancelReason === 'mutual') return true
          const request = await readCancellationRequest(tx, id)
          if (request === undefined || request.askedBy === actor.role) {
            if (!isUnpaid(order)) throw orderErrors.wrongState({ state: order.state })
            await insertCancellationRequest(tx, id, actor.role)
            return false
          }
          const change = await cancelOrder(tx, order, settings, { reason: 'mutual', actor, trace })
          insistChanged(order, change)
          return true
        },
      )
      return { isCancelled }
    },
  )
  app.delete(
    `${ORDER}/cancellation-request`,
    {
      config,
      schema: {
        tags,
        operationId: 'withdrawCancellationRequest',
        summary: 'Withdraw or refuse a cancellation by agreement',
        params: OrderParams,
        response: answers(DONE),
      },
    },
    async ({ user, params: { id } }, reply) => {
      await withOwnOrder(db, id, user, ['buyer', 'seller'], (tx) =>
        deleteCancellationRequest(tx, id),
      )
      reply.code(204)
      return null
    },
  )
  app.post(
    `${ORDER}/reopening`,
    {
      config,
      schema: {
        tags,
        operationId: 'reopenOrder',
        summary: 'As its seller: let the buyer pay an order that was cancelled unpaid',
        params: OrderParams,
        response: answers(DONE, [409]),
      },
    },
    async ({ user, params: { id }, trace }, reply) => {
      // Bid is asked in between, when all else is right: no service is called inside a transaction. A second
      // request at the same time asks for the same. Where no reopening follows, the unit is given up.
      const asked = await withOwnOrder(db, id, user, ['seller'], async (tx, order) => {
        const change = changeOrder(order, await reopening(tx, order, settings))
        insistChanged(order, change)
        await insertTakeBack(tx, { orderId: id, sequence: order.sequence + 1 })
        return order
      })
      const sequence = asked.sequence + 1
      await takeBackUnit(lots, asked, sequence, trace)
      await withOwnOrder(db, id, user, ['seller'], async (tx, order, actor) => {
        const act = await reopening(tx, order, settings)
        insistChanged(order, changeOrder(order, act))
        const isHeld =
          order.sequence + 1 === sequence && (await deleteTakeBack(tx, { orderId: id, sequence }))
        // It took so long that the unit was given up.
        if (!isHeld) throw serviceUnavailable({ service: 'bid' })
        const happened = { kind: 'reopened' } as const
        insistChanged(order, await perform(tx, order, settings, { act, actor, trace, happened }))
      })
      reply.code(204)
      return null
    },
  )
}

/** How an order is reopened now. Throws what stands against it. */
async function reopening(
  tx: Transaction<Database>,
  order: OrderRecord,
  { limits: { reopenDays, reopenDueHours, overdueHours } }: OrderSettings,
): Promise<Extract<Act, { kind: 'reopen' }>> {
  const now = await readClock(tx)
  if (order.state === 'cancelled' && hoursAfter(order.changedAt, reopenDays * 24) <= now)
    throw orderErrors.reopenTooLate()
  if (await isUnitTaken(tx, order)) throw orderErrors.unitSold()
  // The sweep would cancel it at once.
  const barred = await readBar(tx, order)
  if (barred === 'removed') throw orderErrors.itemRemoved()
  if (barred === 'suspended') throw orderErrors.buyerBarred()
  const dueAt = hoursAfter(now, reopenDueHours)
  return { kind: 'reopen', dueAt, cancelAt: hoursAfter(dueAt, overdueHours) }
}
