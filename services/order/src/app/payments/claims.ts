import type { ClaimRequest } from '@auction/common/contracts/payables.ts'
import { internalPaths, PayReservationAnswer } from '@auction/common/contracts/terms.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import { parseAmount } from '@auction/common/money.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import { Check } from 'typebox/value'
import { secureOrders } from '#src/app/orders/create-orders.ts'
import { judgeClaim } from '#src/domain/claim.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import { orderErrors } from '#src/errors.ts'
import {
  claimOrders,
  lockOrders,
  type OrderRecord,
  readOrders,
  releaseClaims,
} from '#src/infra/postgres/orders/orders.ts'
import { hasPaymentEnded } from '#src/infra/postgres/payments/ended-payments.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface ClaimDependencies {
  db: Kysely<Database>
  settings: OrderSettings
  /** The bid service. */
  lots: InternalClient
}

/**
 * Takes all orders of a payment for it, or none (R-ORDER-4). Under their locks, so a cancellation that is
 * committed first refuses the claim, and a claim that is committed first refuses the cancellation. Lots that were
 * reserved are sold then, one by one; when one of them is free again, nothing stays claimed, and those that were sold
 * before it are their buyer's, who pays them as others do.
 */
export async function claimForPayment(
  { db, settings, lots }: ClaimDependencies,
  paymentId: string,
  request: ClaimRequest,
  trace: Trace,
): Promise<void> {
  await claimAll(db, paymentId, request)
  const orderIds = request.orders.map(({ orderId }) => orderId)
  const reserved = (await readOrders(db, orderIds)).filter((order) => order.reservedUntil !== null)
  if (reserved.length === 0) return
  for (const order of reserved) {
    // While it is claimed nothing cancels it, so a lot that is sold now has its order. Without an answer the lot may be
    // sold, and the claim stays: payment asks again.
    if (await buyReserved(lots, order, trace)) {
      const { purchaseId } = order
      await outboxTransaction(db, (tx) => secureOrders(tx, settings, [{ purchaseId, trace }]))
      continue
    }
    await releaseClaim(db, paymentId, orderIds)
    throw orderErrors.notPayable({ orderId: order.id, reason: 'reservation_over' })
  }
}

/** Whether the lot of an order is sold to its buyer: not when its reservation is over (R-BID-24). */
async function buyReserved(
  lots: InternalClient,
  { itemId, purchaseId }: OrderRecord,
  trace: Trace,
): Promise<boolean> {
  const path = internalPaths.purchasePayment(itemId, purchaseId ?? '')
  const { statusCode, body, code } = await lots.request<unknown>('PUT', path, undefined, trace)
  if (statusCode === 200 && Check(PayReservationAnswer, body)) return true
  if (statusCode === 409 && code === 'payment.late') return false
  // What is not an answer of the bid service, of a proxy perhaps, decides nothing.
  throw serviceUnavailable({ service: 'bid' })
}

/** Lets go of the orders that a payment has claimed just now. */
async function releaseClaim(
  db: Kysely<Database>,
  paymentId: string,
  orderIds: readonly string[],
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const claimed = (await lockOrders(tx, orderIds)).filter(
      (order) => order.claimedBy === paymentId,
    )
    await releaseClaims(
      tx,
      claimed.map(({ id }) => id),
    )
  })
}

async function claimAll(
  db: Kysely<Database>,
  paymentId: string,
  { orders: asked, currencyCode, buyerId }: ClaimRequest,
): Promise<void> {
  const totals = new Map(asked.map(({ orderId, total }) => [orderId, total]))
  if (totals.size < asked.length) throw orderErrors.amountMismatch({ reason: 'an order twice' })
  await db.transaction().execute(async (tx) => {
    const orders = await lockOrders(tx, [...totals.keys()])
    const known = new Set(
      orders.filter((order) => order.buyerId === buyerId).map((order) => order.id),
    )
    for (const orderId of totals.keys())
      if (!known.has(orderId)) throw orderErrors.notFound({ orderId })
    // Read under the locks: the event that ends a payment waits for one of them, or was committed before.
    const hasEnded = await hasPaymentEnded(tx, paymentId)
    const claimed: string[] = []
    for (const order of orders) {
      const parsed = parseAmount(totals.get(order.id), currencyCode)
      const total = parsed.ok ? parsed.minor : -1n
      const verdict = judgeClaim(order, { paymentId, total, currencyCode, hasEnded })
      switch (verdict.outcome) {
        case 'claimed':
          claimed.push(order.id)
          break
        case 'unchanged':
          break
        case 'not_payable':
          throw orderErrors.notPayable({ orderId: order.id, state: order.state })
        case 'claimed_by_another':
          throw orderErrors.claimedByAnother({ orderId: order.id })
        case 'payment_ended':
          throw orderErrors.paymentEnded()
        case 'amount_mismatch':
          throw orderErrors.amountMismatch({ orderId: order.id })
      }
    }
    await claimOrders(tx, claimed, paymentId)
  })
}
