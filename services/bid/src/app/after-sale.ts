import { newId } from '@auction/common/ids.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import {
  type AfterSale,
  expire,
  nextInLine,
  type Offer,
  type OfferState,
  type OfferWindows,
  withOffers,
} from '#src/domain/offer.ts'
import { bidErrors } from '#src/errors.ts'
import { lockLot } from '#src/infra/postgres/lots.ts'
import {
  endOffer,
  glanceAtLot,
  insertOffer,
  type LotAtSight,
  type RequestKey,
  readAfterSale,
} from '#src/infra/postgres/offers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { offerEvent } from './offer-events.ts'

export interface OfferDependencies {
  db: Kysely<Database>
  windows: OfferWindows
  observe?: { offer(kind: Offer['kind'], became: OfferState): void }
}

/** A lot that is over, under its lock, with what has become of its offers so far. */
export interface LockedSale {
  readonly tx: Transaction<Database>
  readonly nowMs: number
  readonly sale: AfterSale
  /** Stores a new offer and publishes it. False: its seller has used the key for another request. */
  make(offer: Offer, request?: RequestKey): Promise<boolean>
  /** Stores the end of an offer and publishes it, and makes the offer that follows it. */
  end(offer: Offer, options?: EndOptions): Promise<void>
}

interface EndOptions {
  /** Of the request that ended it. */
  readonly key?: string | null
  readonly isRelisted?: boolean
}

/**
 * The lot of a seller, looked at without its lock: bids wait for it, so no one holds it who has nothing to change.
 * Throws what stands against the caller.
 */
export async function insistOwnLot(
  { db }: OfferDependencies,
  itemId: string,
  sellerId: string,
): Promise<LotAtSight> {
  const lot = await glanceAtLot(db, itemId)
  if (lot === undefined) throw bidErrors.lotNotFound()
  if (lot.sellerId !== sellerId) throw bidErrors.offerNotYourLot()
  return lot
}

/**
 * Runs a change of what comes after a sale under the lock of its lot, in one transaction with its events. Offers whose time
 * is over are ended first, so their ends do not wait for a timer (R-OFFER-4). Undefined where there is no such lot.
 */
export async function changeAfterSale<Result>(
  { db, windows, observe }: OfferDependencies,
  itemId: string,
  trace: Trace,
  change: (locked: LockedSale) => Promise<Result>,
): Promise<Result | undefined> {
  const became: Offer[] = []
  const result = await outboxTransaction(db, async (tx) => {
    const lot = await lockLot(tx, itemId)
    if (lot === undefined) return undefined
    // The clock is read after the lock: an answer that waited for it may have come too late.
    const nowMs = (await readClock(tx)).getTime()
    let sale = await readAfterSale(tx, lot, windows)
    const record = async (offer: Offer, isRelisted = false) => {
      sale = withOffers(sale, [offer])
      became.push(offer)
      await writeOutbox(tx, [offerEvent(lot, offer, trace, isRelisted ? 'relisted' : 'seller')])
    }
    const locked: LockedSale = {
      tx,
      nowMs,
      get sale() {
        return sale
      },
      async make(offer: Offer, request: RequestKey = { key: null, hash: null }) {
        if (!(await insertOffer(tx, lot, offer, request))) return false
        await record(offer)
        return true
      },
      async end(offer: Offer, { key, isRelisted = false }: EndOptions = {}) {
        await endOffer(tx, offer, key ?? null)
        await record(offer, isRelisted)
        if (offer.state !== 'declined' && offer.state !== 'expired') return
        const next = nextInLine(sale, offer, newId(), nowMs)
        if (next !== undefined) await locked.make(next)
      },
    }
    for (const offer of expire(sale, nowMs)) await locked.end(offer)
    return change(locked)
  })
  for (const { kind, state } of became) observe?.offer(kind, state)
  return result
}
