import { randomBytes, randomUUID } from 'node:crypto'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createSecretBox, type SecretBox } from '@auction/common/secret-box.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import {
  createTestDatabase,
  type Teardown,
  type TestDatabase,
} from '@auction/common/testing/database.ts'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import type { Registry } from 'prom-client'
import {
  type SecurityMailDependencies,
  sendNextSecurityMail,
} from '#src/app/mail/send-security-mails.ts'
import { createServerPause } from '#src/app/mail/server-pause.ts'
import { createSendingMetrics } from '#src/app/sending-metrics.ts'
import type { Language } from '#src/domain/notice-text.ts'
import type { SecurityTemplate } from '#src/domain/security-mails.ts'
import { insertMail } from '#src/infra/postgres/mail/mails.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createMailTransport, type SmtpOptions } from '#src/infra/smtp/mail-transport.ts'
import { SERVICE } from '#src/service.ts'
import { RETURN_KEY } from './helper.ts'
import { startMailServer, type TestMailServer } from './mail-server.ts'

export const log = createLogger('notification', 'silent')

export interface MailWorld {
  server: TestMailServer
  pool: Pool
  database: TestDatabase
  db: Kysely<Database>
  seal: SecretBox
  registry: Registry
  deps: SecurityMailDependencies
  /** Queues a mail as the consumer does; returns its id. */
  queue(options?: QueuedMail): Promise<string>
  /** Sends until nothing is due. */
  send(): Promise<void>
  /** Everything that waits is due now, as if the pause were over. */
  makeDue(): Promise<void>
  mailOf(id: string): Promise<Record<string, unknown>>
  /** Another worker on the same database and server. */
  another(): SecurityMailDependencies
}

export interface QueuedMail {
  template?: SecurityTemplate
  to?: string
  name?: string
  userId?: string
  secret?: string
  outdatedAt?: Date
  language?: Language
}

/** How a transport of these tests is set: the server is in the same process, which a busy machine stops for seconds. */
export const smtpOptions = (port: number, changes: Partial<SmtpOptions> = {}): SmtpOptions => ({
  host: '127.0.0.1',
  port,
  tls: 'none',
  ca: '',
  username: '',
  password: '',
  connectionsMax: 2,
  connectTimeoutMs: 120_000,
  answerTimeoutMs: 120_000,
  deadlineMs: 240_000,
  ...changes,
})

/** For tests of a server that never answers. */
export const IMPATIENT = { answerTimeoutMs: 10_000 } as const

/** The mails of the notification service, with a database and a mail server of their own. */
export async function createMailWorld(
  t: Teardown,
  changes: Partial<SmtpOptions> = {},
): Promise<MailWorld> {
  const database = await createTestDatabase(t, SERVICE.migrations)
  const { pool, createPool } = database
  const db = createDatabase<Database>(pool)
  const server = await startMailServer(t)
  const seal = createSecretBox(randomBytes(32).toString('base64'))
  const registry = createRegistry('notification')
  const worker = (on: Pool, ofRegistry: Registry): SecurityMailDependencies => {
    const transport = createMailTransport(smtpOptions(server.port, changes), log)
    t.teardown(() => transport.close())
    return {
      db: createDatabase<Database>(on),
      transport,
      settings: {
        from: { name: 'Auction', address: 'auction@example.test' },
        publicUrl: 'https://auction.example',
        returnKey: RETURN_KEY,
      },
      seal,
      pause: createServerPause(() => Number.POSITIVE_INFINITY),
      metrics: createSendingMetrics(ofRegistry),
      log,
    }
  }
  const deps = worker(pool, registry)
  return {
    server,
    pool,
    database,
    db,
    seal,
    registry,
    deps,
    async queue(options = {}) {
      const { template = 'password_changed', to = 'ann@example.test', name = 'Ann Lee' } = options
      const { userId, language, secret, outdatedAt = new Date(Date.now() + 3_600_000) } = options
      const id = randomUUID()
      await db.transaction().execute((tx) =>
        insertMail(tx, {
          id,
          ...(userId === undefined ? {} : { userId }),
          ...(language === undefined ? {} : { language }),
          template,
          to,
          name,
          ...(secret === undefined
            ? {}
            : {
                link: {
                  url: 'https://auction.example/account/reset',
                  sealedSecret: seal.seal(secret, id),
                },
              }),
          outdatedAt,
          correlationId: id,
        }),
      )
      return id
    },
    async send() {
      while (await sendNextSecurityMail(deps));
    },
    async makeDue() {
      await pool.query(`update mails set due_at = clock_timestamp() where state = 'queued'`)
    },
    async mailOf(id) {
      const { rows } = await pool.query('select * from mails where id = $1', [id])
      return rows[0]
    },
    another: () => worker(createPool(), createRegistry('notification')),
  }
}

/** How often an outcome was counted. */
export async function countOf(registry: Registry, outcome: string): Promise<number> {
  const metric = await registry.getSingleMetric('notification_sent_total')?.get()
  const value = metric?.values.find(
    ({ labels }) => labels.channel === 'mail' && labels.outcome === outcome,
  )
  return value?.value ?? 0
}
