import { PAYABLE_ORDERS_MAX } from '@auction/common/contracts/payables.ts'
import { IDEMPOTENCY_KEY_FORMAT, readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { answers, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import { ownUrl } from '#src/app/own-url.ts'
import { isOver } from '#src/domain/judge-payment.ts'
import { paymentErrors } from '#src/errors.ts'
import { planOperation } from '#src/infra/postgres/payments/operations.ts'
import {
  lockPayment,
  readPayment,
  readPaymentsOf,
  wakePayment,
} from '#src/infra/postgres/payments/payments.ts'
import { type BeginDependencies, beginPayment } from './begin-payment.ts'
import { PaymentAnswer, paymentView } from './payment-view.ts'

const params = Type.Object({ id: Uuid })

const OfOrder = Type.Object(
  { orderId: Uuid, limit: Type.Integer({ minimum: 1, maximum: 20, default: 1 }) },
  STRICT,
)
const PaymentList = Type.Object({ payments: Type.Array(PaymentAnswer) }, { title: 'PaymentList' })

const PaymentBody = Type.Object(
  {
    orderIds: Type.Array(Uuid, { minItems: 1, maxItems: PAYABLE_ORDERS_MAX, uniqueItems: true }),
    provider: Type.Optional(Type.String({ minLength: 1, maxLength: 32 })),
    returnUrl: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1_000,
        description: 'Where the browser goes afterwards: an address of this site.',
      }),
    ),
  },
  { ...STRICT, title: 'NewPayment' },
)

export const KeyHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.String({ description: IDEMPOTENCY_KEY_FORMAT })),
})

export interface PaymentRoutesOptions extends BeginDependencies {
  publicUrl: string
}

/** Beginning to pay, and what became of it. */
export async function paymentRoutes(app: App, options: PaymentRoutesOptions): Promise<void> {
  const { db, publicUrl } = options
  app.post(
    '/api/v1/payments',
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags: ['payments'],
        operationId: 'beginPayment',
        summary: 'Pay one or several of your orders to one seller',
        description:
          'Send an Idempotency-Key. The answer names the page on which to pay; the money is taken only if the orders still want it.',
        headers: KeyHeaders,
        body: PaymentBody,
        response: answers({ 201: PaymentAnswer }, [404, 409, 422]),
      },
    },
    async ({ user, headers, body, trace }, reply) => {
      const idempotencyKey = readIdempotencyKey(headers['idempotency-key'])
      if (idempotencyKey === undefined) throw paymentErrors.idempotencyKeyMissing()
      const { payment } = await beginPayment(options, {
        buyerId: user.id,
        orderIds: body.orderIds,
        provider: body.provider,
        returnUrl: ownUrl(publicUrl, body.returnUrl ?? '/account/orders'),
        idempotencyKey,
        trace,
      })
      reply.code(201).header('cache-control', 'no-store')
      return paymentView(payment)
    },
  )
  app.get(
    '/api/v1/payments',
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags: ['payments'],
        operationId: 'listPayments',
        summary: 'Your payments of an order, the latest first',
        querystring: OfOrder,
        response: answers({ 200: PaymentList }),
      },
    },
    async ({ user, query: { orderId, limit } }, reply) => {
      const payments = await readPaymentsOf(db, { orderId, buyerId: user.id, limit })
      reply.header('cache-control', 'no-store')
      return { payments: payments.map(paymentView) }
    },
  )
  app.get(
    '/api/v1/payments/:id',
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags: ['payments'],
        operationId: 'readPayment',
        summary: 'A payment of yours',
        params,
        response: answers({ 200: PaymentAnswer }),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const payment = await readPayment(db, id)
      if (payment === undefined || payment.buyerId !== user.id) throw paymentErrors.notFound()
      reply.header('cache-control', 'no-store')
      return paymentView(payment)
    },
  )
  app.post(
    '/api/v1/payments/:id/cancel',
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags: ['payments'],
        operationId: 'cancelPayment',
        summary: 'Do not pay after all',
        description:
          'Works until the money is held for the orders. The page is closed a moment later.',
        params,
        response: answers({ 200: PaymentAnswer }, [409]),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const payment = await db.transaction().execute(async (tx) => {
        const locked = await lockPayment(tx, id)
        if (locked === undefined || locked.buyerId !== user.id) throw paymentErrors.notFound()
        // Cancelled twice is cancelled.
        if (locked.state === 'cancelled') return locked
        if (isOver(locked.state) || locked.state === 'claimed') {
          throw paymentErrors.notCancellable({ state: locked.state })
        }
        await planOperation(tx, id, 'cancel')
        await wakePayment(tx, id)
        return locked
      })
      reply.header('cache-control', 'no-store')
      return paymentView(payment)
    },
  )
}
