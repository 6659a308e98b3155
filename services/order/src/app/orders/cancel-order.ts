import { readClock } from '@auction/common/postgres/clock.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import { recordStrike } from '#src/app/strikes/record-strike.ts'
import type { Change } from '#src/domain/change-order.ts'
import type { CancelReason, Order } from '#src/domain/order.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import type { Actor } from '#src/infra/postgres/orders/changes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readStrike } from '#src/infra/postgres/strikes/strikes.ts'
import { perform } from './perform.ts'

export interface Cancellation {
  readonly reason: CancelReason
  readonly actor: Actor
  readonly trace: Trace
}

/**
 * Cancels an order whose lock the caller holds and, when it was not paid, records the strike.
 * A strike, the cancellation and their events are committed together.
 */
export async function cancelOrder(
  tx: Transaction<Database>,
  order: Order,
  settings: OrderSettings,
  { reason, actor, trace }: Cancellation,
): Promise<Change> {
  // An order that was reopened and is not paid again has brought its strike before.
  const isStrike = reason === 'unpaid' && (await readStrike(tx, order.id)) === undefined
  const change = await perform(tx, order, settings, {
    act: { kind: 'cancel', reason },
    actor,
    trace,
    happened: { kind: 'cancelled', isStrike },
    details: { reason },
  })
  if (change.outcome !== 'changed') return change
  if (isStrike) await recordStrike(tx, order, settings.strikes, await readClock(tx), trace)
  return change
}
