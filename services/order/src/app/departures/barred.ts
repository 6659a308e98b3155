import { itemRemoved, itemRestored } from '@auction/common/contracts/auction.ts'
import { isUnavailable } from '@auction/common/http/errors.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { PermanentError, projection } from '@auction/common/rabbitmq/consumer.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import { standingConsumers } from '@auction/common/rabbitmq/standing-events.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import { cancelOrder } from '#src/app/orders/cancel-order.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import { PLATFORM } from '#src/infra/postgres/orders/changes.ts'
import { lockOrder } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  putRemovals,
  putStandings,
  type Removal,
  readBar,
  readBarredOrders,
} from '#src/infra/postgres/standings/barred.ts'

const BATCH_MAX = 100
const PAGE = 100

const removalConsumer = (contract: typeof itemRemoved, isRemoved: boolean) =>
  projection({
    kind: 'projection',
    consumer: 'order',
    contract,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const newest = new Map<string, Removal>()
      for (const { payload, sequence } of deliveries) {
        if (sequence === undefined) throw new PermanentError(`${contract.key} without a sequence`)
        const { id: itemId } = payload
        if (sequence > (newest.get(itemId)?.sequence ?? 0))
          newest.set(itemId, { itemId, isRemoved, sequence })
      }
      await putRemovals(tx, [...newest.values()])
    },
  })

/** A moderator hid an item: its orders that are not paid are cancelled by the sweep below. */
export const onItemRemoved = () => removalConsumer(itemRemoved, true)
/** A moderator shows it again: its orders may be reopened. */
export const onItemRestored = () => removalConsumer(itemRestored, false)

/** Who may buy. */
export const onStandingEvents = () =>
  standingConsumers<Database>('order', (tx, updates) => putStandings(tx, updates))

export interface SweepDependencies {
  db: Kysely<Database>
  log: Logger
  settings: OrderSettings
}

/**
 * Cancels what may not go on, without a strike; returns how many. A sweep, not a reaction: it does not matter
 * whether the order or the event came first, and an order whose payment lets it go later is found as well.
 * Each has a transaction of its own, so one that fails holds up no other.
 */
export async function cancelBarredOrders(
  dependencies: SweepDependencies,
  stopping?: AbortSignal,
): Promise<number> {
  const { db, log } = dependencies
  let cancelled = 0
  for (let after: string | undefined; ; ) {
    const page = await readBarredOrders(db, { after, limit: PAGE })
    for (const orderId of page) {
      if (stopping?.aborted === true) return cancelled
      try {
        if (await cancelIfBarred(dependencies, orderId)) cancelled += 1
      } catch (error) {
        if (isUnavailable(error)) throw error
        log.error({ err: error, orderId }, 'order that may not go on was not cancelled')
      }
    }
    if (page.length < PAGE) return cancelled
    after = page.at(-1)
  }
}

/** Looks again under the lock: the buyer or the item may be back since the order was found. */
function cancelIfBarred({ db, settings }: SweepDependencies, orderId: string): Promise<boolean> {
  return outboxTransaction(db, async (tx) => {
    const order = await lockOrder(tx, orderId)
    const reason = order === undefined ? undefined : await readBar(tx, order)
    if (order === undefined || reason === undefined) return false
    const trace = ownTrace('order barred')
    const change = await cancelOrder(tx, order, settings, { reason, actor: PLATFORM, trace })
    return change.outcome === 'changed'
  })
}
