import type { Timer } from '@auction/common/process/repeat.ts'
import { type AddressCheck, reviewBidders } from '#src/app/bidder-review/review-bidders.ts'
import { purgeCategoriesBefore } from '#src/app/catalogue/purge-categories-before.ts'
import { eraseDepartedUsers } from '#src/app/departures/erase-departed-users.ts'
import { startItems } from '#src/app/listing/start-items.ts'
import type { FinishDependencies } from '#src/app/lot-terms/finish-change.ts'
import { sweepTerms } from '#src/app/lot-terms/sweep-terms.ts'
import { checkWords } from '#src/app/moderation/check-words.ts'
import type { ModerationMetrics } from '#src/app/moderation/metrics.ts'
import { sweepRemovals } from '#src/app/moderation/remove-item.ts'
import type { RelistMetrics } from '#src/app/relisting/metrics.ts'
import { relistDueItems } from '#src/app/relisting/relist-due-items.ts'
import { matchSavedSearches } from '#src/app/saved-searches/match-saved-searches.ts'
import type { SearchMetrics } from '#src/app/saved-searches/metrics.ts'
import { purgeSavedSearches } from '#src/app/saved-searches/purge-saved-searches.ts'
import type { ListingLimits } from '#src/domain/listing.ts'
import type { WordList } from '#src/domain/words.ts'
import type { ImageStorage } from '#src/infra/images/image-storage.ts'
import { countFlags } from '#src/infra/postgres/bidder-review/review-flags.ts'
import { purgeReviewSources } from '#src/infra/postgres/bidder-review/review-sources.ts'
import { countOpenReports } from '#src/infra/postgres/moderation/reports.ts'
import { readMatchLag } from '#src/infra/postgres/saved-searches/match-jobs.ts'
import { purgeImports } from '#src/infra/postgres/spreadsheets/item-imports.ts'
import { deleteDueObjects } from './images/delete-objects.ts'

const START_INTERVAL_MS = 500
const SWEEP_INTERVAL_MS = 1_000
const IMAGES_INTERVAL_MS = 2_000
const RELIST_INTERVAL_MS = 1_000
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
  sharedAddressesOf: AddressCheck
  storage: ImageStorage
  words: WordList
  metrics: ModerationMetrics
  searches: SearchMetrics
  limits: ListingLimits
  relists: RelistMetrics
}

/**
 * What the auction worker repeats: start items, finish pending terms, delete objects of images, cancel
 * the lots of removed items, check words, review bidders, match saved searches, erase departed users,
 * purge, and measure.
 */
export function createTimers(dependencies: TimerDependencies): Timer[] {
  const { db, words, metrics, searches, relists } = dependencies
  return [
    {
      name: 'start items',
      intervalMs: START_INTERVAL_MS,
      run: () => startItems(dependencies),
    },
    {
      name: 'sweep terms',
      intervalMs: SWEEP_INTERVAL_MS,
      run: () => sweepTerms(dependencies),
    },
    {
      name: 'delete images',
      intervalMs: IMAGES_INTERVAL_MS,
      run: () => deleteDueObjects(dependencies),
    },
    {
      name: 'sweep removals',
      intervalMs: SWEEP_INTERVAL_MS,
      run: () => sweepRemovals(dependencies),
    },
    {
      name: 'relists',
      intervalMs: RELIST_INTERVAL_MS,
      run: () =>
        relistDueItems({ ...dependencies, images: dependencies.storage, observe: relists }),
    },
    {
      name: 'check words',
      intervalMs: WORDS_INTERVAL_MS,
      run: () => checkWords(db, words),
    },
    {
      name: 'review bidders',
      intervalMs: REVIEW_INTERVAL_MS,
      run: () => reviewBidders(dependencies),
    },
    {
      name: 'match searches',
      intervalMs: MATCH_INTERVAL_MS,
      async run() {
        // Also when it fails: then the lag is what an operator must see.
        try {
          await matchSavedSearches(dependencies)
        } finally {
          searches.lag(await readMatchLag(db))
        }
      },
    },
    {
      name: 'purge imports',
      intervalMs: PURGE_INTERVAL_MS,
      run: () => purgeImports(db, IMPORT_RETENTION_DAYS, PURGE_BATCH),
    },
    {
      name: 'erase departed users',
      intervalMs: FORGET_INTERVAL_MS,
      run: () => eraseDepartedUsers(dependencies),
    },
    {
      name: 'purge reviews',
      intervalMs: PURGE_INTERVAL_MS,
      run: () => purgeReviewSources(db, REVIEWS_BATCH),
    },
    {
      name: 'purge categories',
      intervalMs: PURGE_INTERVAL_MS,
      run: () => purgeCategoriesBefore(db),
    },
    {
      name: 'purge searches',
      intervalMs: PURGE_INTERVAL_MS,
      run: () => purgeSavedSearches(db),
    },
    {
      name: 'open reports',
      intervalMs: REPORTS_INTERVAL_MS,
      async run() {
        metrics.open(await countOpenReports(db))
        metrics.flags(await countFlags(db))
      },
    },
  ]
}
