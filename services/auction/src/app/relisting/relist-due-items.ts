import { isUnavailable, ServiceError } from '@auction/common/http/errors.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import {
  forgetPlan,
  takeItemsToRelist,
  takePendingRelists,
  waitWithRelist,
} from '#src/infra/postgres/relisting/relists.ts'
import { carryOut, type RelistDependencies, type RelistResult, relistItem } from './relist-item.ts'

const ITEMS_MAX = 20
// Longer than a request waits for the bid service, so the sweeper and the request do not overlap.
const IDLE_MS = 4_000

/**
 * Relists the items whose sellers chose that, when bid says that the time has come (R-RELIST-2), and finishes relists that a crash
 * or an outage interrupted. Returns how many new items there are. One that fails holds up no other.
 */
export async function relistDueItems(
  dependencies: RelistDependencies,
  idleMs = IDLE_MS,
): Promise<number> {
  const { db, log } = dependencies
  let relisted = 0
  const attempt = async (itemId: string, run: () => Promise<RelistResult>) => {
    try {
      const result = await run()
      if (result.kind === 'relisted' && !result.isRepeat) relisted += 1
      if (result.kind === 'later') await waitWithRelist(db, itemId, result.notBefore)
      // It was sold, or its seller may not sell at present.
      if (result.kind === 'refused') await forgetPlan(db, itemId)
    } catch (error) {
      if (isUnavailable(error)) throw error
      if (error instanceof ServiceError) {
        await forgetPlan(db, itemId)
        log.warn({ err: error, itemId }, 'item is not relisted by itself any more')
      } else log.error({ err: error, itemId }, 'item could not be relisted')
    }
  }
  for (const relist of await takePendingRelists(db, idleMs, ITEMS_MAX)) {
    await attempt(relist.itemId, () => carryOut(dependencies, relist))
  }
  for (const { itemId, sellerId } of await takeItemsToRelist(db, ITEMS_MAX)) {
    await attempt(itemId, () =>
      relistItem(dependencies, {
        itemId,
        sellerId,
        isAutomatic: true,
        changes: {},
        key: null,
        trace: ownTrace('automatic relist'),
      }),
    )
  }
  return relisted
}
