import type { PayReservationAnswer } from '@auction/common/contracts/terms.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import { payReservation } from '#src/domain/purchase.ts'
import { bidErrors } from '#src/errors.ts'
import { lockLot } from '#src/infra/postgres/lots.ts'
import { insertReservationEnd } from '#src/infra/postgres/purchases.ts'
import { readBidders, recordClosings } from '#src/infra/postgres/results.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BidEvents } from './bid-events.ts'

export interface PayDependencies {
  db: Kysely<Database>
  events: BidEvents
  observe?: { reservationEnded(reason: string): void }
}

/**
 * Sells a reserved lot to its buyer, under its lock, when the money for it is about to be taken (R-BID-24). However
 * often it is asked, the answer is the same. Throws payment.late when the reservation is over.
 */
export async function payForLot(
  { db, events, observe }: PayDependencies,
  { itemId, purchaseId }: { itemId: string; purchaseId: string },
  trace: Trace,
): Promise<PayReservationAnswer> {
  const outcome = await outboxTransaction(db, async (tx) => {
    const lot = await lockLot(tx, itemId)
    if (lot === undefined) throw bidErrors.lotNotFound()
    // The clock is read after the lock: a payment that waited for it may have come too late.
    const nowMs = (await readClock(tx)).getTime()
    const verdict = payReservation(lot, purchaseId, nowMs)
    if (verdict.outcome === 'refused') throw bidErrors.paymentLate()
    if (verdict.outcome === 'unchanged') return verdict.outcome
    const { lot: sold } = verdict
    const end = { purchaseId, sequence: sold.sequence, decidedAtMs: nowMs, reason: 'paid' } as const
    await recordClosings(tx, [sold], nowMs)
    await insertReservationEnd(tx, itemId, end)
    const bidders = await readBidders(tx, sold.bidCount === 0 ? [] : [itemId])
    await events.write(tx, events.ofClosing(sold, bidders.get(itemId) ?? [], nowMs, { trace }))
    return verdict.outcome
  })
  if (outcome === 'bought_now') observe?.reservationEnded('paid')
  return { outcome }
}
