import { isUnavailable } from '@auction/common/http/errors.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import type { ReleaseEntry } from '#src/domain/ledger.ts'
import type { Lot } from '#src/domain/lot.ts'
import { giveUp, lapse } from '#src/domain/purchase.ts'
import type { BidSettings } from '#src/domain/settings.ts'
import { type LotsPage, lockLot, updateLot } from '#src/infra/postgres/lots.ts'
import { insertReservationEnd, lockLapsedLots } from '#src/infra/postgres/purchases.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BidEvents } from './bid-events.ts'
import { CLOSING_GRACE_MS } from './close-lots.ts'

export interface ReleaseDependencies {
  db: Kysely<Database>
  events: BidEvents
  settings: BidSettings
  log: Logger
  observe?: { reservationEnded(reason: string): void }
}

// Bids on the lots of a page wait until it is committed, so a page is small.
const LOTS_PER_PAGE = 20

/**
 * Writes down the ends of reservations whose time is over, a page at a time; returns how many. That they are over
 * does not wait for it (R-BID-23). It waits as long as the closer, so that no bid of a moment when the lot was
 * still reserved finds it open.
 */
export async function releaseLapsed(dependencies: ReleaseDependencies): Promise<number> {
  const failed: string[] = []
  let total = 0
  for (;;) {
    const taken: string[] = []
    try {
      const page = { limit: LOTS_PER_PAGE, exceptItemIds: failed }
      const released = await releasePage(dependencies, page, taken)
      total += released
      if (released === 0) return total
    } catch (error) {
      if (isUnavailable(error) || taken.length === 0) throw error
      total += await releaseOneByOne(dependencies, taken, failed)
    }
  }
}

/** After a page that failed as a whole: one that cannot be released is logged and left out, the others are. */
async function releaseOneByOne(
  dependencies: ReleaseDependencies,
  itemIds: readonly string[],
  failed: string[],
): Promise<number> {
  let total = 0
  for (const itemId of itemIds) {
    try {
      const page = { limit: 1, exceptItemIds: [], onlyItemId: itemId }
      total += await releasePage(dependencies, page, [])
    } catch (error) {
      if (isUnavailable(error)) throw error
      failed.push(itemId)
      dependencies.log.error({ err: error, itemId }, 'reservation could not be released')
    }
  }
  return total
}

async function releasePage(
  dependencies: ReleaseDependencies,
  page: LotsPage,
  taken: string[],
): Promise<number> {
  const { db, log, observe } = dependencies
  const released = await outboxTransaction(db, async (tx) => {
    const lots = await lockLapsedLots(tx, CLOSING_GRACE_MS, page)
    taken.push(...lots.map(({ itemId }) => itemId))
    const nowMs = (await readClock(tx)).getTime()
    const entries: ReleaseEntry[] = []
    for (const lot of lots) {
      const { lot: next, entry } = lapse(lot, nowMs)
      if (entry === null) continue
      await updateLot(tx, next)
      await writeRelease(tx, dependencies, lot, entry)
      entries.push(entry)
    }
    return entries
  })
  for (const { purchaseId, reason } of released) {
    observe?.reservationEnded(reason)
    log.info({ purchaseId, reason }, 'reservation released')
  }
  return released.length
}

/** Records and publishes that a reservation ended unpaid, beside the change of its lot. */
export async function writeRelease(
  tx: Transaction<Database>,
  { events, settings }: Pick<ReleaseDependencies, 'events' | 'settings'>,
  reserved: Lot,
  entry: ReleaseEntry,
  trace?: Trace,
  isByBuyer = false,
): Promise<void> {
  await insertReservationEnd(tx, reserved.itemId, entry, isByBuyer)
  await events.write(tx, [events.ofRelease(reserved, entry, settings, trace)])
}

/** Why orders end that their buyers let lapse, or ended together with the seller. */
const REASONS_OF_BUYERS = new Set(['buy_now_released', 'mutual'])

/** The order of a purchase ended unpaid: its reservation, if it still holds the lot, ends with it. */
export async function releasePurchase(
  tx: Transaction<Database>,
  dependencies: Omit<ReleaseDependencies, 'db'>,
  { itemId, purchaseId, reason }: { itemId: string; purchaseId: string; reason: string },
  trace: Trace,
): Promise<void> {
  const lot = await lockLot(tx, itemId)
  if (lot === undefined) return
  const released = giveUp(lot, purchaseId, (await readClock(tx)).getTime())
  if (released === undefined) return
  await updateLot(tx, released.lot)
  const isByBuyer = REASONS_OF_BUYERS.has(reason)
  await writeRelease(tx, dependencies, lot, released.entry, trace, isByBuyer)
  dependencies.observe?.reservationEnded(released.entry.reason)
}
