import { createMigrationCheck } from '../postgres/migrate.ts'
import type { PostgresConfig } from '../postgres/pool.ts'
import { type BrokerConfig, brokerAddress } from '../rabbitmq/broker-address.ts'
import type { Consumer } from '../rabbitmq/consumer.ts'
import { startMessaging } from '../rabbitmq/worker-messaging.ts'
import { repeatAll, type Timer } from './repeat.ts'
import { type DatabaseContext, openDatabase } from './run-api.ts'
import type { Service } from './service.ts'
import { type ProcessConfig, runService } from './service-process.ts'

export interface WorkerParts<DB> {
  consumers: Consumer<DB>[]
  timers: Timer[]
}

/**
 * Runs the worker process of a service: outbox relay, inbox purge, consumers and timers. `build`
 * only says which consumers and timers there are. The timers stop first, the database last.
 */
export async function runWorker<DB>(
  service: Service,
  config: ProcessConfig & PostgresConfig & BrokerConfig,
  build: (context: DatabaseContext<DB>) => WorkerParts<DB>,
): Promise<void> {
  await runService(service.name, config, async (context) => {
    const database = await openDatabase<DB>(config, context)
    const { pool, db, log, lifecycle } = database
    const { consumers, timers } = build(database)
    const broker = brokerAddress(config)
    const messaging = startMessaging({
      service: service.name,
      broker,
      pool,
      db,
      context,
      consumers,
    })
    const repeated = repeatAll(timers, log)
    lifecycle.onStop('timers', () => repeated.stop())
    const postgres = createMigrationCheck(pool, service.migrations)
    return { checks: { postgres, rabbitmq: messaging.isReady } }
  })
}
