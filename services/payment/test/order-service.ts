import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ClaimRequest, Payables, PayablesRequest } from '@auction/common/contracts/payables.ts'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createOrderClient, type OrderClient } from '#src/app/payments/order-client.ts'
import { PATIENT_MS } from './infra/stripe/sandbox.ts'

interface Order {
  orderId: string
  itemId: string
  buyerId: string
  amount: string
  premium: string
  deliveryFee: string
  total: string
  state: 'pending_payment' | 'cancelled'
  claimedBy: string | undefined
  /** Counts its changes. */
  sequence: number
  categoryIds?: string[] | undefined
}

export interface OrderService {
  url: string
  client: OrderClient
  sellerId: string
  /** Claims that were asked for, refused ones included. */
  claims: string[]
  /** While true, no request is answered well. */
  isDown: boolean
  /** What every request is answered, whatever it asks. */
  answer: { statusCode: number; body: object | string } | undefined
  add(
    buyerId: string,
    order: Partial<Pick<Order, 'amount' | 'premium' | 'deliveryFee' | 'total' | 'categoryIds'>>,
  ): Order
}

export const INTERNAL_SECRET = 'internal-secret-of-tests-0123456789'

/** A neighbour that keeps the contract of payables and claims, over HTTP. */
export async function startOrderService(
  t: { teardown(work: () => unknown): void },
  currencyCode = 'EUR',
): Promise<OrderService> {
  const orders = new Map<string, Order>()
  const refuse = (statusCode: number, code: string) => ({
    statusCode,
    body: { code, message: code },
  })
  const answer = (path: string, body: unknown): { statusCode: number; body?: object | string } => {
    if (service.answer !== undefined) return service.answer
    if (service.isDown) return refuse(503, 'service.unavailable')
    if (path === '/internal/v1/payables') return payables(body as PayablesRequest)
    const [, paymentId = ''] = /^\/internal\/v1\/payments\/([^/]+)\/claim$/.exec(path) ?? []
    return claim(paymentId, body as ClaimRequest)
  }
  const payables = ({ orderIds, buyerId }: PayablesRequest) => {
    const found = orderIds.map((id) => orders.get(id))
    const wanted = found.filter((order) => order !== undefined && order.buyerId === buyerId)
    if (wanted.length < orderIds.length) return refuse(404, 'order.not_found')
    const owed = wanted.filter((order): order is Order => order?.state === 'pending_payment')
    if (owed.length < orderIds.length) return refuse(409, 'order.not_payable')
    const total = owed.reduce((sum, order) => sum + Number(order.total) * 100, 0) / 100
    const answered: Payables = {
      currencyCode,
      sellerId: service.sellerId,
      total: currencyCode === 'JPY' ? String(total) : total.toFixed(2),
      orders: owed.map(
        ({ orderId, itemId, sequence, amount, premium, deliveryFee, total: all, categoryIds }) => ({
          orderId,
          itemId,
          sequence,
          itemName: 'A lamp',
          amount,
          premium,
          deliveryFee,
          total: all,
          ...(categoryIds === undefined ? {} : { categoryIds }),
        }),
      ),
    }
    return { statusCode: 200, body: answered }
  }
  const claim = (paymentId: string, request: ClaimRequest) => {
    service.claims.push(paymentId)
    const wanted = request.orders.map(({ orderId }) => orders.get(orderId))
    for (const [index, order] of wanted.entries()) {
      if (order === undefined) return refuse(404, 'order.not_found')
      if (order.claimedBy === paymentId) continue
      if (order.claimedBy !== undefined) return refuse(409, 'order.claimed_by_another')
      if (order.state !== 'pending_payment') return refuse(409, 'order.not_payable')
      if (request.orders[index]?.total !== order.total) return refuse(422, 'order.amount_mismatch')
    }
    for (const order of wanted) if (order !== undefined) order.claimedBy = paymentId
    return { statusCode: 204 }
  }
  // A connection that ends while a request is on its way to it would be no answer: the client ends it.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const { statusCode, body } = answer(
        request.url ?? '',
        JSON.parse(Buffer.concat(chunks).toString()),
      )
      response.statusCode = statusCode
      response.setHeader('content-type', 'application/json')
      response.end(typeof body === 'object' ? JSON.stringify(body) : body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const service: OrderService = {
    url,
    client: createOrderClient(
      createInternalClient({
        service: 'payment',
        target: 'order',
        baseUrl: url,
        secret: INTERNAL_SECRET,
        timeoutMs: PATIENT_MS,
      }),
    ),
    sellerId: randomUUID(),
    claims: [],
    isDown: false,
    answer: undefined,
    add(buyerId, given) {
      const order: Order = {
        orderId: randomUUID(),
        itemId: randomUUID(),
        buyerId,
        amount: '18.50',
        premium: '0.00',
        deliveryFee: '0.00',
        total: '18.50',
        state: 'pending_payment',
        claimedBy: undefined,
        sequence: 1,
        ...given,
      }
      orders.set(order.orderId, order)
      return order
    },
  }
  return service
}
