import { createDatabase } from '@auction/common/postgres/database.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { explainByClock } from '@auction/common/testing/clock-plans.ts'
import { createTestDatabase } from '@auction/common/testing/database.ts'
import t from 'tap'
import { buildWorker } from '#src/app/worker.ts'
import { readWorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { newKeyEncryptionKey } from '#test/helper.ts'

const config = readWorkerConfig({
  POSTGRES_USERNAME: 'unused',
  POSTGRES_PASSWORD: 'unused',
  POSTGRES_DATABASE: 'unused',
  RABBITMQ_URL: 'amqp://unused',
  AUCTION_URL: 'http://unused',
  BID_URL: 'http://unused',
  KEY_ENCRYPTION_KEY: newKeyEncryptionKey(),
  MAIL_SEAL_KEY: newKeyEncryptionKey(),
  PUBLIC_URL: 'http://unused',
  INTERNAL_JWT_SECRET: 'a secret of at least thirty-two letters',
})

t.test('every timer finds what is due by an index, at any size', async (t) => {
  const database = await createTestDatabase(t, SERVICE.migrations)
  const { compared, scanning } = await explainByClock(database, async (pool) => {
    const { timers } = buildWorker(config, {
      pool,
      db: createDatabase<Database>(pool),
      log: createLogger('identity', 'silent'),
      registry: createRegistry('identity'),
      lifecycle: { onStop: () => undefined, isStopping: () => false },
    })
    for (const timer of timers) await timer.run()
  })
  t.ok(compared >= 10)
  // One row a month: there will never be many.
  const ofManyRows = scanning.filter((text) => !text.startsWith('update "signing_keys"'))
  t.strictSame(ofManyRows, [])
})
