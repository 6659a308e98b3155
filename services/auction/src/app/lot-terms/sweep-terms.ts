import { isUnavailable } from '@auction/common/http/errors.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { readItem } from '#src/infra/postgres/item/items.ts'
import { takePendingChanges, takeUnpushedItems } from '#src/infra/postgres/lot-terms/terms.ts'
import { contentAfter, type FinishDependencies, finishChange } from './finish-change.ts'
import { pushCurrentTerms } from './push-terms.ts'

// Longer than a request waits for the bid service, so the sweeper and the request do not overlap.
export const IDLE_MS = 4_000
const SWEEP_MAX = 50

/**
 * Finishes what a crash or an outage interrupted between this service and bid: edits whose outcome
 * is unknown, and published terms that did not arrive. Returns how many there were.
 */
export async function sweepTerms(
  dependencies: FinishDependencies,
  idleMs = IDLE_MS,
): Promise<number> {
  const { db, log } = dependencies
  const changes = await takePendingChanges(db, idleMs, SWEEP_MAX)
  for (const change of changes) {
    const { itemId, termsVersion } = change
    try {
      const read = await readItem(db, itemId)
      if (read === undefined) continue
      const content = contentAfter(read.item, change)
      const { kind } = await finishChange(dependencies, change, read.item, content)
      log.info({ itemId, termsVersion, result: kind }, 'pending change of terms swept')
    } catch (error) {
      if (isUnavailable(error)) throw error
      // One change that cannot be finished must not stop the others.
      log.error({ err: error, itemId, termsVersion }, 'pending change of terms failed')
    }
  }
  const itemIds = await takeUnpushedItems(db, idleMs, SWEEP_MAX)
  for (const itemId of itemIds) await pushCurrentTerms(dependencies, itemId, ownTrace('push terms'))
  return changes.length + itemIds.length
}
