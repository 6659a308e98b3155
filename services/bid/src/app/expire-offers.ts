import { isUnavailable } from '@auction/common/http/errors.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { findDueOffers } from '#src/infra/postgres/offers.ts'
import { changeAfterSale, type OfferDependencies } from './after-sale.ts'

const PAGE = 50

/**
 * Writes down the ends of offers whose time is over, and makes those that follow them; returns how many lots had some. Each
 * lot has a transaction of its own, so one that fails holds up no other.
 */
export async function expireOffers(
  dependencies: OfferDependencies & { log: Logger },
): Promise<number> {
  const { db, log } = dependencies
  const failed: string[] = []
  let total = 0
  for (;;) {
    const itemIds = [...new Set(await findDueOffers(db, failed, PAGE))]
    if (itemIds.length === 0) return total
    for (const itemId of itemIds) {
      try {
        const trace = ownTrace('offer expiry')
        await changeAfterSale(dependencies, itemId, trace, async () => undefined)
        total += 1
      } catch (error) {
        if (isUnavailable(error)) throw error
        failed.push(itemId)
        log.error({ err: error, itemId }, 'offer could not be ended')
      }
    }
  }
}
