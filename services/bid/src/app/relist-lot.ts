import type { RelistLotAnswer } from '@auction/common/contracts/terms.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { relist } from '#src/domain/offer.ts'
import { bidErrors } from '#src/errors.ts'
import { insertRelisting, readRelisting } from '#src/infra/postgres/offers.ts'
import { changeAfterSale, type OfferDependencies } from './after-sale.ts'
import { isoInstant } from './lot-view.ts'

/**
 * Decides under the lock of a lot whether its item goes into a new round, and withdraws what is offered of this one
 * (R-RELIST-1). The same new item again gets the same answer. Throws item.not_relistable, with the new item of a lot that went
 * on as another one.
 */
export async function relistLot(
  dependencies: OfferDependencies,
  { itemId, newItemId, isAutomatic }: { itemId: string; newItemId: string; isAutomatic: boolean },
  trace: Trace,
): Promise<RelistLotAnswer> {
  const answer = await changeAfterSale(
    dependencies,
    itemId,
    trace,
    async ({ tx, sale, nowMs, end }): Promise<RelistLotAnswer> => {
      const known = await readRelisting(tx, itemId)
      if (known === newItemId) return { outcome: 'relisted' }
      const verdict = relist(sale, isAutomatic, nowMs)
      if (verdict.outcome === 'later') {
        const { untilMs } = verdict
        return untilMs === null
          ? { outcome: 'later' }
          : { outcome: 'later', notBefore: isoInstant(untilMs) }
      }
      if (verdict.outcome === 'refused') {
        throw bidErrors.notRelistable(known === undefined ? undefined : { newItemId: known })
      }
      for (const offer of verdict.withdrawn) await end(offer, { isRelisted: true })
      await insertRelisting(tx, { itemId, newItemId, isAutomatic, atMs: nowMs })
      return { outcome: 'relisted' }
    },
  )
  if (answer === undefined) throw bidErrors.lotNotFound()
  return answer
}
