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
  AUCTION_URL: 'http://unused',
  INTERNAL_JWT_SECRET: 'a secret of at least thirty-two letters',
})

t.test('every timer finds what is due by an index, at any size', async (t) => {
  const database = await createTestDatabase(t, SERVICE.migrations)
  const { compared, scanning } = await explainByClock(database, async (pool) => {
    const { timers } = buildWorker(config, {
      pool,
      db: createDatabase<Database>(pool),
      log: createLogger('bid', 'silent'),
      registry: createRegistry('bid'),
      lifecycle: { onStop: () => undefined, isStopping: () => false },
    })
    for (const timer of timers) await timer.run()
  })
  t.ok(compared >= 3, 'the closer, its backlog and the purge look at the clock')
  t.strictSame(scanning, [])
})
