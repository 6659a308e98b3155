import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createMigrationCheck } from '@auction/common/postgres/migrate.ts'
import { assertDurable, createPool } from '@auction/common/postgres/pool.ts'
import { runService } from '@auction/common/process/service-process.ts'
import { brokerAddress } from '@auction/common/rabbitmq/broker-address.ts'
import { startMessaging } from '@auction/common/rabbitmq/worker-messaging.ts'
import { createAddressCheck } from '#src/app/bidder-review/review-bidders.ts'
import { createConsumers } from '#src/app/consumers.ts'
import { createItemEvents } from '#src/app/item/item-events.ts'
import { createTermsClient } from '#src/app/lot-terms/terms-client.ts'
import { createModerationMetrics } from '#src/app/moderation/metrics.ts'
import { createSearchMetrics } from '#src/app/saved-searches/metrics.ts'
import { startTimers } from '#src/app/timers.ts'
import { readWorkerConfig } from '#src/config.ts'
import { readWordList } from '#src/domain/words.ts'
import { createStorage } from '#src/infra/images/create-storage.ts'
import { createDatabase } from '#src/infra/postgres/database.ts'
import { auctionMigrations } from '#src/infra/postgres/migrations.ts'

const config = readWorkerConfig(process.env)
const { INTERNAL_JWT_SECRET: secret } = config

await runService('auction', config, async (context) => {
  const { log, registry, lifecycle } = context
  const pool = createPool(config, { log, registry })
  lifecycle.onStop('postgres', () => pool.end())
  await assertDurable(pool)
  const db = createDatabase(pool)
  const events = createItemEvents(pool, { legacyAlias: config.LEGACY_PASCAL_ALIAS })
  const messaging = startMessaging({
    ...{ service: 'auction', broker: brokerAddress(config), pool, db, context },
    consumers: createConsumers(events),
    onCommitted: events.maybeCommitted,
  })
  const terms = createTermsClient(
    createInternalClient({ service: 'auction', target: 'bid', baseUrl: config.BID_URL, secret }),
  )
  const storage = createStorage(config)
  const words = readWordList(config.BANNED_WORDS)
  const metrics = createModerationMetrics(registry)
  const searches = createSearchMetrics(registry)
  const sharersOf = createAddressCheck(
    createInternalClient({
      ...{ service: 'auction', target: 'identity', baseUrl: config.IDENTITY_URL, secret },
    }),
  )
  const timers = startTimers({
    ...{ db, events, terms, sharersOf, log, storage, words, metrics, searches },
  })
  lifecycle.onStop('timers', () => timers.stop())
  const postgres = createMigrationCheck(pool, auctionMigrations)
  return { checks: { postgres, rabbitmq: messaging.isReady } }
})
