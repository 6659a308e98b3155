import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createMigrationCheck } from '@auction/common/postgres/migrate.ts'
import { assertDurable, createPool } from '@auction/common/postgres/pool.ts'
import { runService } from '@auction/common/process/service-process.ts'
import { brokerAddress } from '@auction/common/rabbitmq/broker-address.ts'
import { startMessaging } from '@auction/common/rabbitmq/worker-messaging.ts'
import { createBidEvents } from '#src/app/bid-events.ts'
import { bidderStandingConsumers } from '#src/app/consumers/bidder-standing.ts'
import { itemPublishedConsumer } from '#src/app/consumers/item-published.ts'
import { createCloserMetrics } from '#src/app/metrics.ts'
import { startTimers } from '#src/app/timers.ts'
import { readWorkerConfig } from '#src/config.ts'
import { createDatabase } from '#src/infra/postgres/database.ts'
import { MIGRATIONS } from '#src/infra/postgres/migrations.ts'

const config = readWorkerConfig(process.env)

await runService('bid', config, async (context) => {
  const { log, registry, lifecycle } = context
  const pool = createPool(config, { log, registry })
  lifecycle.onStop('postgres', () => pool.end())
  await assertDurable(pool)
  const db = createDatabase(pool)
  const events = createBidEvents(pool, { legacyAlias: config.LEGACY_PASCAL_ALIAS })
  const auction = createInternalClient({
    service: 'bid',
    target: 'auction',
    baseUrl: config.AUCTION_URL,
    secret: config.INTERNAL_JWT_SECRET,
  })
  const consumers = [
    itemPublishedConsumer({ pool, db, events, auction }),
    ...bidderStandingConsumers(),
  ]
  const broker = brokerAddress(config)
  const messaging = startMessaging({ service: 'bid', broker, pool, db, context, consumers })
  const metrics = createCloserMetrics(registry)
  const timers = startTimers({ db, events, log, metrics }, config.BID_REFUSED_RETENTION_DAYS)
  lifecycle.onStop('timers', () => timers.stop())
  return {
    checks: { postgres: createMigrationCheck(pool, MIGRATIONS), rabbitmq: messaging.isReady },
  }
})
