import { setTimeout as wait } from 'node:timers/promises'
import { Type } from 'typebox'
import { PROCESS_SETTINGS, RABBITMQ_SETTINGS, readConfig } from '../process/config.ts'
import { createLogger } from '../process/logger.ts'
import { brokerAddress } from '../rabbitmq/broker-address.ts'
import { connectBroker } from '../rabbitmq/connection.ts'

// Declares every exchange and queue of the platform, for installations in which no service has the
// right to (RABBITMQ_TOPOLOGY=expect). May be run any number of times; it deletes nothing.
const Config = Type.Object({
  LOG_LEVEL: PROCESS_SETTINGS.LOG_LEVEL,
  ...RABBITMQ_SETTINGS,
  WAIT_FOR_BROKER_MS: Type.Integer({ default: 120_000, minimum: 1_000, maximum: 600_000 }),
})
const config = readConfig(Config, process.env)
const log = createLogger('topology', config.LOG_LEVEL)
const broker = connectBroker({
  ...brokerAddress(config),
  topology: 'declare',
  name: 'topology',
  log,
})
const timeout = new AbortController()
const declared = await Promise.race([
  new Promise<true>((resolve) => broker.openChannel('topology', async () => resolve(true))),
  wait(config.WAIT_FOR_BROKER_MS, false, { signal: timeout.signal }),
])
timeout.abort()
await broker.close()
if (declared) log.info('exchanges and queues are declared')
else {
  log.error({ waitedMs: config.WAIT_FOR_BROKER_MS }, 'exchanges and queues could not be declared')
  process.exitCode = 1
}
