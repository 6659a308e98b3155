import { createMigrationCheck } from '@auction/common/postgres/migrate.ts'
import { assertDurable, createPool } from '@auction/common/postgres/pool.ts'
import { runService } from '@auction/common/process/service-process.ts'
import { brokerAddress } from '@auction/common/rabbitmq/broker-address.ts'
import { connectBroker } from '@auction/common/rabbitmq/connection.ts'
import { createPublisher } from '@auction/common/rabbitmq/publisher.ts'
import { startOutboxRelay } from '@auction/common/rabbitmq/relay.ts'
import { createObligationCheck } from '#src/app/leaving/obligations.ts'
import { startMailRequests } from '#src/app/mail-requests/answer-mail-requests.ts'
import { createMails } from '#src/app/mails/mails.ts'
import { createWorkerMetrics } from '#src/app/metrics/worker-metrics.ts'
import { startPurge } from '#src/app/retention/purge.ts'
import { startTimers } from '#src/app/timers.ts'
import { readWorkerConfig } from '#src/config.ts'
import { createSecretBox } from '#src/infra/crypto/secret-box.ts'
import { createDatabase } from '#src/infra/postgres/database.ts'
import { identityMigrations } from '#src/infra/postgres/migrations.ts'

const config = readWorkerConfig(process.env)

await runService('identity', config, async ({ log, registry, lifecycle }) => {
  const pool = createPool(config, { log, registry })
  lifecycle.onStop('postgres', () => pool.end())
  await assertDurable(pool)
  const broker = connectBroker({ ...brokerAddress(config), name: 'identity-worker', log })
  lifecycle.onStop('rabbitmq', () => broker.close())
  const publisher = createPublisher(broker, 'relay')
  lifecycle.onStop('publisher', () => publisher.close())
  const relay = startOutboxRelay({ pool, publisher, log, registry })
  lifecycle.onStop('relay', () => relay.close())
  const db = createDatabase(pool)
  lifecycle.onStop('purge', startPurge(db, log))
  const box = createSecretBox(config.KEY_ENCRYPTION_KEY, config.KEY_ENCRYPTION_KEY_OTHER)
  const metrics = createWorkerMetrics(registry)
  const mails = createMails(config.PUBLIC_URL, createSecretBox(config.MAIL_SEAL_KEY))
  const timers = startTimers(
    { pool, db, box, mails, obligationsOf: createObligationCheck(config), log, metrics },
    { keyRotationDays: config.KEY_ROTATION_DAYS },
  )
  lifecycle.onStop('timers', () => timers.stop())
  const mailRequests = startMailRequests({ pool, db, mails }, log)
  lifecycle.onStop('mail requests', () => mailRequests.stop())
  return {
    checks: {
      postgres: createMigrationCheck(pool, identityMigrations),
      rabbitmq: () => broker.isConnected(),
    },
  }
})
