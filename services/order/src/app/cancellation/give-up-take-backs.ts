import { isUnavailable, ServiceError } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import { changeOrder } from '#src/domain/change-order.ts'
import {
  deleteTakeBack,
  markGivenUp,
  readTakeBack,
  type TakeBack,
  takeDueTakeBacks,
} from '#src/infra/postgres/cancellation/take-backs.ts'
import { PLATFORM, recordChanges } from '#src/infra/postgres/orders/changes.ts'
import { lockOrder, type OrderRecord, saveOrder } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { undoTakeBack } from './take-back-unit.ts'

export interface GiveUpDependencies {
  db: Kysely<Database>
  /** The bid service. */
  lots: InternalClient
  log: Logger
}

const PAGE = 50

/**
 * Gives up units that bid was asked for where no reopening followed: the request was cut off, or the order could not be reopened
 * any more (R-OFFER-6). Returns how many. One that fails holds up no other.
 */
export async function giveUpTakeBacks(dependencies: GiveUpDependencies): Promise<number> {
  const { db, log } = dependencies
  let total = 0
  for (const takeBack of await takeDueTakeBacks(db, PAGE)) {
    try {
      if (await giveUp(dependencies, takeBack)) total += 1
    } catch (error) {
      // Without bid none can be given up.
      if (isUnavailable(error) || error instanceof ServiceError) throw error
      log.error(
        { err: error, ...takeBack },
        'unit of an order that is not reopened is not given up',
      )
    }
  }
  return total
}

/** The order comes first: once it cannot be reopened with this number any more, bid may free the unit. */
async function giveUp({ db, lots }: GiveUpDependencies, takeBack: TakeBack): Promise<boolean> {
  const order = await db.transaction().execute((tx) => endNumber(tx, takeBack))
  if (order === undefined) return false
  await undoTakeBack(lots, order, takeBack.sequence, ownTrace('unit given up'))
  return deleteTakeBack(db, takeBack)
}

/** Ends the number of a reopening that has not come; undefined when it has. */
async function endNumber(
  tx: Transaction<Database>,
  takeBack: TakeBack,
): Promise<OrderRecord | undefined> {
  const order = await lockOrder(tx, takeBack.orderId)
  const known = order && (await readTakeBack(tx, takeBack))
  if (order === undefined || known === undefined) return undefined
  if (known.isGivenUp) return order
  // Reopened by a pod of a version that knows no intents, with this number perhaps: the unit is the buyer's.
  if (order.state !== 'cancelled') {
    await deleteTakeBack(tx, takeBack)
    return undefined
  }
  await markGivenUp(tx, takeBack)
  // Otherwise its number was taken by something else, and it cannot be reopened with it either.
  if (order.sequence < takeBack.sequence) await skipNumber(tx, order)
  return order
}

async function skipNumber(tx: Transaction<Database>, order: OrderRecord): Promise<void> {
  const change = changeOrder(order, { kind: 'give_up_reopening' })
  if (change.outcome !== 'changed') throw new Error(`order ${order.id} is ${order.state}`)
  // How long it may be reopened counts from its cancellation.
  await saveOrder(tx, change.order, order.changedAt)
  const { id: orderId, sequence, state } = change.order
  const at = await readClock(tx)
  await recordChanges(tx, [
    { orderId, sequence, act: 'give_up_reopening', state, actor: PLATFORM, at },
  ])
}
