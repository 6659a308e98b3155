import { createInternalClient } from '@auction/common/http/internal-client.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { WorkerParts } from '@auction/common/process/run-worker.ts'
import type { WorkerConfig } from '#src/config.ts'
import { listingLimits } from '#src/domain/listing.ts'
import { readWordList } from '#src/domain/words.ts'
import { createStorage } from '#src/infra/images/create-storage.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { createAddressCheck } from './bidder-review/review-bidders.ts'
import { createConsumers } from './consumers.ts'
import { createItemEvents } from './item/item-events.ts'
import { createTermsClient } from './lot-terms/terms-client.ts'
import { createModerationMetrics } from './moderation/metrics.ts'
import { createRelistMetrics } from './relisting/metrics.ts'
import { createSearchMetrics } from './saved-searches/metrics.ts'
import { createTimers } from './timers.ts'

/** The consumers and timers of the auction worker, from its settings. */
export function buildWorker(
  config: WorkerConfig,
  { db, log, registry }: DatabaseContext<Database>,
): WorkerParts<Database> {
  const events = createItemEvents({ legacyAlias: config.LEGACY_PASCAL_ALIAS })
  const clientOf = (target: string, baseUrl: string) =>
    createInternalClient({
      service: SERVICE.name,
      target,
      baseUrl,
      secret: config.INTERNAL_JWT_SECRET,
    })
  return {
    consumers: createConsumers(events),
    timers: createTimers({
      db,
      events,
      log,
      terms: createTermsClient(clientOf('bid', config.BID_URL)),
      sharedAddressesOf: createAddressCheck(clientOf('identity', config.IDENTITY_URL)),
      storage: createStorage(config),
      // A new round has the terms of the one before, whatever may be listed now.
      limits: listingLimits(1, true),
      relists: createRelistMetrics(registry),
      words: readWordList(config.BANNED_WORDS),
      metrics: createModerationMetrics(registry),
      searches: createSearchMetrics(registry),
    }),
  }
}
