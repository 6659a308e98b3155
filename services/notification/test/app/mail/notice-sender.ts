import { randomBytes } from 'node:crypto'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool, type PostgresConfig } from '@auction/common/postgres/pool.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { createContactSource } from '#src/app/mail/contact-source.ts'
import { createNoticeMailer } from '#src/app/mail/send-notices.ts'
import { createServerPause } from '#src/app/mail/server-pause.ts'
import { createSendingMetrics } from '#src/app/sending-metrics.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createMailTransport } from '#src/infra/smtp/mail-transport.ts'
import { log, PATIENT_POOL } from '#test/helper.ts'
import { smtpOptions } from '#test/mail-world.ts'

export interface SenderOrder {
  config: PostgresConfig
  smtpPort: number
  identityUrl: string
  internalSecret: string
}

// A worker that sends the notices that are due; its parent kills it in the middle.
const order = JSON.parse(process.argv[2] ?? '') as SenderOrder
const pool = createPool(order.config, { ...PATIENT_POOL, log, name: 'sender', max: 2 })
const mailer = createNoticeMailer(
  {
    db: createDatabase<Database>(pool),
    transport: createMailTransport(smtpOptions(order.smtpPort), log),
    settings: {
      from: { name: 'Auction', address: 'auction@example.test' },
      publicUrl: 'https://auction.example',
      returnKey: randomBytes(32),
    },
    contactsOf: createContactSource(
      createInternalClient({
        service: 'notification',
        target: 'identity',
        baseUrl: order.identityUrl,
        secret: order.internalSecret,
        timeoutMs: 60_000,
      }),
    ),
    unsubscribeKey: randomBytes(32),
    pause: createServerPause(),
    metrics: createSendingMetrics(createRegistry('notification')),
    log,
  },
  2,
)
await mailer.run()
await mailer.settled()
process.exit(0)
