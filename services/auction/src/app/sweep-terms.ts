import { readItem } from '#src/infra/postgres/items.ts'
import { takePendingChanges, takeUnpushedItems } from '#src/infra/postgres/terms.ts'
import { type FinishDependencies, finishChange } from './finish-change.ts'
import { ownTrace } from './own-trace.ts'
import { pushCurrentTerms } from './push-terms.ts'

// Longer than the request that made the intent waits for the bid service, so the two do not meet.
const IDLE_MS = 4_000
const SWEEP_MAX = 50

/**
 * Finishes what a crash or an outage left between this service and bid: edits whose outcome is
 * unknown, and published terms that never arrived. Returns how many there were.
 */
export async function sweepTerms(
  dependencies: FinishDependencies,
  idleMs = IDLE_MS,
): Promise<number> {
  const { db } = dependencies
  const changes = await takePendingChanges(db, idleMs, SWEEP_MAX)
  for (const change of changes) {
    const read = await readItem(db, change.itemId)
    if (read !== undefined) await finishChange(dependencies, change, read.item)
  }
  const itemIds = await takeUnpushedItems(db, idleMs, SWEEP_MAX)
  for (const itemId of itemIds) await pushCurrentTerms(dependencies, itemId, ownTrace('push terms'))
  return changes.length + itemIds.length
}
