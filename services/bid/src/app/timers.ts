import type { Logger } from '@auction/common/process/logger.ts'
import type { Timer } from '@auction/common/process/repeat.ts'
import type { Kysely } from 'kysely'
import type { OfferWindows } from '#src/domain/offer.ts'
import type { BidSettings } from '#src/domain/settings.ts'
import { readOffersOverdue } from '#src/infra/postgres/offers.ts'
import { purgeBiddingPeriods } from '#src/infra/postgres/outages.ts'
import { readReservationsOverdue } from '#src/infra/postgres/purchases.ts'
import { keepRefusalWeeks, purgeUnpartitionedRefusals } from '#src/infra/postgres/refusals.ts'
import { purgeRefusedBids, readClosingBacklog } from '#src/infra/postgres/results.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BidEvents } from './bid-events.ts'
import { closeDueLots } from './close-lots.ts'
import { expireOffers } from './expire-offers.ts'
import type { CloserMetrics } from './metrics.ts'
import { releaseLapsed } from './release-reservations.ts'

export interface TimerDependencies {
  db: Kysely<Database>
  events: BidEvents
  settings: BidSettings
  windows: OfferWindows
  log: Logger
  metrics: CloserMetrics
  refusedRetentionDays: number
  outageExtensionMs: number
}

const CLOSE_INTERVAL_MS = 1_000
const RELEASE_INTERVAL_MS = 1_000
const EXPIRE_INTERVAL_MS = 5_000
const BACKLOG_INTERVAL_MS = 10_000
const PURGE_INTERVAL_MS = 60_000
const PURGE_BATCH = 1_000
// A lot that ended earlier than this and is still open is closed by the end it had.
const PERIODS_KEPT_DAYS = 90

/** What the bid worker repeats: closing, releasing reservations, measuring the backlog of both, and purging. */
export function createTimers(dependencies: TimerDependencies): Timer[] {
  const { db, events, settings, windows, log, metrics, refusedRetentionDays, outageExtensionMs } =
    dependencies
  return [
    {
      name: 'closer',
      intervalMs: CLOSE_INTERVAL_MS,
      run: () => closeDueLots({ db, events, log, outageExtensionMs, observe: metrics }),
    },
    {
      // Apart, so that no fault of it holds up the closing of lots.
      name: 'reservations',
      intervalMs: RELEASE_INTERVAL_MS,
      run: () => releaseLapsed({ db, events, settings, log, observe: metrics }),
    },
    {
      name: 'offers',
      intervalMs: EXPIRE_INTERVAL_MS,
      run: () => expireOffers({ db, windows, log, observe: metrics }),
    },
    {
      name: 'closing backlog',
      intervalMs: BACKLOG_INTERVAL_MS,
      async run() {
        metrics.backlog(await readClosingBacklog(db))
        metrics.reservations(await readReservationsOverdue(db))
        metrics.offers(await readOffersOverdue(db))
      },
    },
    {
      name: 'purge',
      intervalMs: PURGE_INTERVAL_MS,
      async run() {
        while ((await purgeBiddingPeriods(db, PERIODS_KEPT_DAYS, PURGE_BATCH)) === PURGE_BATCH);
        await keepRefusalWeeks(db, refusedRetentionDays)
        // Those that former versions stored among the bids; a busy day of theirs is more than one batch.
        while ((await purgeRefusedBids(db, refusedRetentionDays, PURGE_BATCH)) === PURGE_BATCH);
        while (
          (await purgeUnpartitionedRefusals(db, refusedRetentionDays, PURGE_BATCH)) === PURGE_BATCH
        );
      },
    },
  ]
}
