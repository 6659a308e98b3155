import { internalPaths, type TakeBackRequest } from '@auction/common/contracts/terms.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { orderErrors } from '#src/errors.ts'
import type { OrderRecord } from '#src/infra/postgres/orders/orders.ts'

type UnitOfOrder = Pick<OrderRecord, 'id' | 'itemId' | 'buyerId' | 'round' | 'unit'>

/**
 * Asks bid for the unit of an order that is to be reopened with this number: it may be offered to another bidder, or the item
 * up for auction again (R-OFFER-6). Throws order.unit_sold.
 */
export async function takeBackUnit(
  lots: InternalClient,
  order: UnitOfOrder,
  sequence: number,
  trace: Trace,
): Promise<void> {
  const path = internalPaths.orderReopening(order.itemId, order.id)
  const answer = await ask(lots, path, order, sequence, trace)
  if (answer === 'lot.unit_taken') throw orderErrors.unitSold()
  // A lot of another platform's: no one offers it here.
  if (answer === 'done' || answer === 'lot.not_found') return
  // Given up meanwhile, or no answer of the bid service, but of a proxy perhaps: the seller asks again.
  throw serviceUnavailable({ service: 'bid' })
}

/** Notifies bid that the order is not reopened with this number, so that its unit is free again. */
export async function undoTakeBack(
  lots: InternalClient,
  order: UnitOfOrder,
  sequence: number,
  trace: Trace,
): Promise<void> {
  const path = internalPaths.undoneReopening(order.itemId, order.id)
  const answer = await ask(lots, path, order, sequence, trace)
  // When something newer of the order is known, that says whose the unit is.
  const isOver =
    answer === 'done' || answer === 'lot.take_back_outdated' || answer === 'lot.not_found'
  // Of this lot alone perhaps: the others of a page are asked for nevertheless.
  if (!isOver) throw new Error(`bid did not free the unit: ${answer}`)
}

/** The code of bid's refusal; what is none, of a proxy perhaps, decides nothing. */
async function ask(
  lots: InternalClient,
  path: string,
  { buyerId, round, unit }: UnitOfOrder,
  sequence: number,
  trace: Trace,
): Promise<string> {
  const request: TakeBackRequest = { buyerId, round, unit, sequence }
  const { statusCode, code } = await lots.request<unknown>('PUT', path, request, trace)
  if (statusCode === 200) return 'done'
  const isRefusal = statusCode === 409 || (statusCode === 404 && code === 'lot.not_found')
  return isRefusal ? String(code) : 'unknown'
}
