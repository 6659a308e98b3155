import type { Caller } from '@auction/common/http/auth.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely, Transaction } from 'kysely'
import type { Change, Refusal } from '#src/domain/change-order.ts'
import type { Order } from '#src/domain/order.ts'
import { orderErrors } from '#src/errors.ts'
import type { Actor } from '#src/infra/postgres/orders/changes.ts'
import { lockOrder, type OrderRecord, type Side } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { roleOf } from './visible-order.ts'

/**
 * Runs work on an order of the caller's, under its lock, in one transaction. To a caller who is neither its
 * buyer nor its seller it does not exist; the side that may not do this is refused.
 */
export function withOwnOrder<T>(
  db: Kysely<Database>,
  id: string,
  caller: Caller,
  sides: readonly Side[],
  work: (
    tx: Transaction<Database>,
    order: OrderRecord,
    actor: Actor & { role: Side },
  ) => Promise<T>,
): Promise<T> {
  return outboxTransaction(db, async (tx) => {
    const order = await lockOrder(tx, id)
    const role = order === undefined ? undefined : roleOf(order, caller)
    if (order === undefined || role === undefined) throw orderErrors.notFound()
    if (role === 'moderator' || !sides.includes(role)) throw orderErrors.notYours({ sides })
    return work(tx, order, { role, id: caller.id })
  })
}

const REFUSALS = {
  state: orderErrors.wrongState,
  claimed: orderErrors.beingPaid,
  other_payment: orderErrors.wrongState,
  reserved: orderErrors.reserved,
  delivery: orderErrors.wrongDelivery,
  delivery_not_chosen: orderErrors.deliveryNotChosen,
  chargeback: orderErrors.chargeback,
  refund_too_large: orderErrors.wrongState,
} as const satisfies Record<Refusal, unknown>

/** Throws what stands against an act. */
export function insistChanged(order: Order, change: Change): void {
  if (change.outcome === 'refused') throw REFUSALS[change.reason]({ state: order.state })
}
