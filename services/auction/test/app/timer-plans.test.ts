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

const config = readWorkerConfig({
  POSTGRES_USERNAME: 'unused',
  POSTGRES_PASSWORD: 'unused',
  POSTGRES_DATABASE: 'unused',
  RABBITMQ_URL: 'amqp://unused',
  BID_URL: 'http://unused',
  IDENTITY_URL: 'http://unused',
  INTERNAL_JWT_SECRET: 'a secret of at least thirty-two letters',
})

t.test('every timer finds what is due by an index, at any size', async (t) => {
  const database = await createTestDatabase(t, SERVICE.migrations)
  const { compared, scanning } = await explainByClock(database, async (pool) => {
    const { timers } = buildWorker(config, {
      pool,
      db: createDatabase<Database>(pool),
      log: createLogger('auction', 'silent'),
      registry: createRegistry('auction'),
      lifecycle: { onStop: () => undefined, isStopping: () => false },
    })
    for (const timer of timers) await timer.run()
  })
  t.ok(compared >= 10)
  // A queue in the order of its numbers: what is postponed in front is passed over, and is little.
  const byClock = scanning.filter((text) => !/from "search_matchings"/.test(text))
  t.strictSame(byClock, [])
})
