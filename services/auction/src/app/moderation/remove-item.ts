import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { ItemEvent } from '#src/app/item/item-events.ts'
import type { FinishDependencies } from '#src/app/lot-terms/finish-change.ts'
import { lotTerms } from '#src/app/lot-terms/item-terms.ts'
import { isPublic } from '#src/domain/item.ts'
import { restoredStatus } from '#src/domain/moderation.ts'
import { settleSale } from '#src/domain/sale.ts'
import { moderationErrors } from '#src/errors.ts'
import { readBuyers, updateSale } from '#src/infra/postgres/bidding/sales.ts'
import { lockItem, type ReadItem } from '#src/infra/postgres/item/items.ts'
import { recordAction } from '#src/infra/postgres/moderation/moderation-actions.ts'
import {
  hideItem,
  markLotStopped,
  readRemoval,
  showItem,
  takeLotsToCancel,
} from '#src/infra/postgres/moderation/removals.ts'
import { decideReports } from '#src/infra/postgres/moderation/reports.ts'

export interface ModerateCommand {
  id: string
  actorId: string
  reason: string
  trace: Trace
}

/**
 * Hides an item and cancels its lot. The intent is committed first: when bid cannot be reached, the
 * sweeper tries again until no bid can be placed. Removing it again changes nothing.
 */
export async function removeItem(
  dependencies: FinishDependencies,
  { id, actorId, reason, trace }: ModerateCommand,
): Promise<void> {
  const { db, events } = dependencies
  await outboxTransaction(db, async (tx) => {
    const read = await lockItem(tx, id)
    if (read === undefined) throw moderationErrors.itemNotFound()
    if (read.item.status === 'removed') return
    if (!isPublic(read.item.status)) throw moderationErrors.itemNotFound()
    const removed = await hideItem(tx, read, { reason, actorId, trace })
    await recordAction(tx, { actorId, action: 'item_removed', itemId: id, reason })
    await decideReports(tx, { itemId: id, commentId: null }, 'upheld', actorId)
    await events.emit(tx, removed, trace, [{ kind: 'removed', reason }])
  })
  await cancelLots(dependencies, 0, id)
}

/** Shows a removed item again. Bidding does not go on, because its bids are void. */
export async function restoreItem(
  { db, events }: FinishDependencies,
  { id, actorId, reason, trace }: ModerateCommand,
): Promise<void> {
  await outboxTransaction(db, async (tx) => {
    const read = await lockItem(tx, id)
    if (read === undefined) throw moderationErrors.itemNotFound()
    const removal = await readRemoval(tx, id)
    if (removal === undefined) throw moderationErrors.notRemoved()
    const status = restoredStatus(removal.statusBefore, read.item)
    if (status === undefined) throw moderationErrors.inProgress()
    const missedEvents: ItemEvent[] = [
      { kind: 'restored' },
      ...missedEventsOf(removal.statusBefore, status),
    ]
    const restored = await showItem(tx, id, status, missedEvents.length)
    await recordAction(tx, { actorId, action: 'item_restored', itemId: id, reason })
    await events.emit(tx, restored, trace, missedEvents)
    // An order may have ended, or an offer been accepted, while it was removed.
    const sale = settleSale(restored.item, await readBuyers(tx, id))
    if (sale === restored.item) return
    const settled = await updateSale(tx, id, sale)
    await events.emit(tx, settled, trace, [{ kind: sale.status === 'sold' ? 'sold' : 'unsold' }])
  })
}

/** The events that consumers missed while the item was removed. */
function missedEventsOf(before: ReadItem['item']['status'], after: typeof before): ItemEvent[] {
  const updated: ItemEvent = { kind: 'updated', changedFields: ['status'] }
  if (before === after) return [updated]
  if (after === 'cancelled') return [{ kind: 'cancelled' }, updated]
  const ended: ItemEvent[] = before === 'ended' ? [] : [{ kind: 'ended' }]
  if (after === 'sold' || after === 'expired') ended.push({ kind: after })
  return [...ended, updated]
}

// Longer than a request waits for bid, so the sweeper and the request do not overlap.
export const IDLE_MS = 4_000
const SWEEP_MAX = 50

/** Cancels lots of removed items that bid has not confirmed yet. Returns how many there were. */
export function sweepRemovals(dependencies: FinishDependencies, idleMs = IDLE_MS): Promise<number> {
  return cancelLots(dependencies, idleMs)
}

async function cancelLots(
  { db, terms, log }: FinishDependencies,
  idleMs: number,
  only?: string,
): Promise<number> {
  const lots = await takeLotsToCancel(db, idleMs, SWEEP_MAX, only)
  for (const { itemId, item, trace } of lots) {
    try {
      const outcome = await terms.cancel(lotTerms(item, item, item.termsVersion), trace)
      await markLotStopped(db, itemId)
      log.info({ itemId, outcome }, 'lot of a removed item cancelled')
    } catch (error) {
      log.warn({ err: error, itemId }, 'lot of a removed item not cancelled yet, will be retried')
    }
  }
  return lots.length
}
