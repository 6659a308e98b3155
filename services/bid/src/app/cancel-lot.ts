import type { CancelLotAnswer } from '@auction/common/contracts/terms.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import { cancel } from '#src/domain/cancel.ts'
import { type LotTerms, openLot } from '#src/domain/lot.ts'
import { lapse } from '#src/domain/purchase.ts'
import { applyTerms } from '#src/domain/terms.ts'
import { bidErrors } from '#src/errors.ts'
import { insertLot, lockLot, updateLot } from '#src/infra/postgres/lots.ts'
import { readBidders } from '#src/infra/postgres/results.ts'
import { type ApplyTermsDependencies, refusal } from './apply-terms.ts'
import { writeRelease } from './release-reservations.ts'

/**
 * Ends a lot without a winner, under its lock, and publishes that. A seller may be bound. A lot
 * that does not exist yet is created first: its terms may be on their way, and would open it later.
 */
export async function cancelLot(
  { db, events, settings }: ApplyTermsDependencies,
  terms: LotTerms,
  isBySeller: boolean,
): Promise<CancelLotAnswer> {
  const outcome = await outboxTransaction(db, async (tx) => {
    let lot = await lockLot(tx, terms.itemId)
    if (lot === undefined) {
      const verdict = applyTerms(undefined, terms, (await readClock(tx)).getTime())
      if (verdict.outcome === 'refused') throw refusal(verdict.reason, verdict.problem)
      await insertLot(tx, openLot(terms))
      lot = await lockLot(tx, terms.itemId)
    }
    if (lot === undefined) throw new Error(`lot ${terms.itemId} was neither created nor found`)
    if (lot.sellerId !== terms.sellerId) throw refusal('invalid_terms', 'another seller')
    const cancelledAtMs = (await readClock(tx)).getTime()
    const lapsed = lapse(lot, cancelledAtMs)
    const verdict = cancel(lapsed.lot, cancelledAtMs, isBySeller)
    if (verdict.outcome === 'refused') {
      throw verdict.reason === 'has_bids' ? bidErrors.lotHasBids() : bidErrors.lotNotActive()
    }
    if (verdict.outcome === 'unchanged') return verdict.outcome
    // No row in results: those are of lots that were closed.
    await updateLot(tx, verdict.lot)
    if (lapsed.entry !== null) await writeRelease(tx, { events, settings }, lot, lapsed.entry)
    const bidders = await readBidders(tx, verdict.lot.bidCount === 0 ? [] : [terms.itemId])
    await events.write(
      tx,
      events.ofClosing(verdict.lot, bidders.get(terms.itemId) ?? [], cancelledAtMs, { isBySeller }),
    )
    return verdict.outcome
  })
  return { outcome }
}
