import { type Repeated, repeat } from '@auction/common/process/repeat.ts'
import { type AddressCheck, reviewBidders } from '#src/app/bidder-review/review-bidders.ts'
import { forgetDeparted } from '#src/app/departures/erase-departed-users.ts'
import { startItems } from '#src/app/listing/start-items.ts'
import type { FinishDependencies } from '#src/app/lot-terms/finish-change.ts'
import { sweepTerms } from '#src/app/lot-terms/sweep-terms.ts'
import { checkWords } from '#src/app/moderation/check-words.ts'
import type { ModerationMetrics } from '#src/app/moderation/metrics.ts'
import { sweepRemovals } from '#src/app/moderation/remove-item.ts'
import { matchSearches } from '#src/app/saved-searches/match-saved-searches.ts'
import type { SearchMetrics } from '#src/app/saved-searches/metrics.ts'
import { purgeSearches } from '#src/app/saved-searches/purge-saved-searches.ts'
import type { WordList } from '#src/domain/words.ts'
import type { ImageStorage } from '#src/infra/images/image-storage.ts'
import { countFlags } from '#src/infra/postgres/bidder-review/review-flags.ts'
import { purgeReviewSources } from '#src/infra/postgres/bidder-review/review-sources.ts'
import { countOpenReports } from '#src/infra/postgres/moderation/reports.ts'
import { readMatchingLag } from '#src/infra/postgres/saved-searches/match-jobs.ts'
import { purgeImports } from '#src/infra/postgres/spreadsheets/item-imports.ts'
import { deleteDueObjects } from './images/delete-objects.ts'

const START_INTERVAL_MS = 500
const SWEEP_INTERVAL_MS = 1_000
const IMAGES_INTERVAL_MS = 2_000
const WORDS_INTERVAL_MS = 2_000
const REPORTS_INTERVAL_MS = 10_000
const REVIEW_INTERVAL_MS = 5_000
const MATCH_INTERVAL_MS = 1_000
const PURGE_INTERVAL_MS = 60_000
const FORGET_INTERVAL_MS = 5_000
const REVIEWS_BATCH = 5_000
const PURGE_BATCH = 20
const IMPORT_RETENTION_DAYS = 30

export interface TimerDependencies extends FinishDependencies {
  sharersOf: AddressCheck
  storage: ImageStorage
  words: WordList
  metrics: ModerationMetrics
  searches: SearchMetrics
}

/**
 * What the worker does by the clock: start items, finish terms that hang between services, delete
 * what is left of images, end the lots of removed items, look at words, and ask saved searches.
 */
export function startTimers(dependencies: TimerDependencies): Pick<Repeated, 'stop'> {
  const { db, log, words, metrics, searches } = dependencies
  const timers = [
    repeat('start items', START_INTERVAL_MS, log, () => startItems(dependencies)),
    repeat('sweep terms', SWEEP_INTERVAL_MS, log, () => sweepTerms(dependencies)),
    repeat('delete images', IMAGES_INTERVAL_MS, log, () => deleteDueObjects(dependencies)),
    repeat('sweep removals', SWEEP_INTERVAL_MS, log, () => sweepRemovals(dependencies)),
    repeat('check words', WORDS_INTERVAL_MS, log, () => checkWords(db, words)),
    repeat('review bidders', REVIEW_INTERVAL_MS, log, () => reviewBidders(dependencies)),
    repeat('match searches', MATCH_INTERVAL_MS, log, async () => {
      // Also when it fails: then the lag is what somebody must hear of.
      try {
        await matchSearches(dependencies)
      } finally {
        searches.lag(await readMatchingLag(db))
      }
    }),
    repeat('purge imports', PURGE_INTERVAL_MS, log, () =>
      purgeImports(db, IMPORT_RETENTION_DAYS, PURGE_BATCH),
    ),
    repeat('forget departed', FORGET_INTERVAL_MS, log, () => forgetDeparted(dependencies)),
    repeat('purge reviews', PURGE_INTERVAL_MS, log, () => purgeReviewSources(db, REVIEWS_BATCH)),
    repeat('purge searches', PURGE_INTERVAL_MS, log, () => purgeSearches(db)),
    repeat('open reports', REPORTS_INTERVAL_MS, log, async () => {
      metrics.open(await countOpenReports(db))
      metrics.flags(await countFlags(db))
    }),
  ]
  return {
    async stop() {
      await Promise.all(timers.map((timer) => timer.stop()))
    },
  }
}
