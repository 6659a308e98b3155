import type { Logger } from '@auction/common/process/logger.ts'
import type { Timer } from '@auction/common/process/repeat.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import type { SendingMetrics } from '#src/app/sending-metrics.ts'
import type { WorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createMailTransport, type SmtpOptions } from '#src/infra/smtp/mail-transport.ts'
import type { ContactSource } from './contact-source.ts'
import { mailTimers, sendingTimers } from './mail-timers.ts'
import type { MailSettings } from './outgoing-mail.ts'
import { returnKey } from './return-key.ts'
import { createNoticeMailer } from './send-notices.ts'
import { createServerPause } from './server-pause.ts'
import { unsubscribeKey } from './unsubscribe-url.ts'

/** What is left of an attempt after one answer has taken as long as it may. */
const DEADLINE_MORE_MS = 60_000
/** After the deadline of a mail, for the transactions before and after it. */
const LEASE_MORE_SECONDS = 30
/** Connections of their own, so that no storm of notices delays a mail that an account hangs on. */
const SECURITY_CONNECTIONS = 2

interface MailContext {
  db: Kysely<Database>
  seal: SecretBox
  contactsOf: ContactSource
  metrics: SendingMetrics
  log: Logger
}

/** The timers that send mails, from the settings of the worker. */
export function createMailSending(
  config: WorkerConfig,
  context: MailContext,
): { timers: Timer[]; close(): Promise<void> } {
  const { log } = context
  const upkeep = {
    ...context,
    leaseSeconds: Math.ceil(deadlineMs(config) / 1_000) + LEASE_MORE_SECONDS,
  }
  if (config.SMTP_HOST === '') {
    log.warn('no mail server is set (SMTP_HOST): mails wait')
    return { timers: mailTimers(upkeep), close: async () => undefined }
  }
  const [forSecurity, forNotices] = [SECURITY_CONNECTIONS, config.SMTP_CONNECTIONS_MAX].map(
    (connectionsMax) => createMailTransport({ ...smtpOptions(config), connectionsMax }, log),
  ) as [ReturnType<typeof createMailTransport>, ReturnType<typeof createMailTransport>]
  const common = { ...context, settings: mailSettings(config), pause: createServerPause() }
  const notices = createNoticeMailer(
    { ...common, transport: forNotices, unsubscribeKey: unsubscribeKey(config) },
    config.SMTP_CONNECTIONS_MAX,
  )
  const security = { ...common, transport: forSecurity }
  return {
    timers: [
      ...sendingTimers({ security, securityLanes: SECURITY_CONNECTIONS, notices }),
      ...mailTimers(upkeep),
    ],
    async close() {
      await notices.settled()
      forSecurity.close()
      forNotices.close()
    },
  }
}

export function mailSettings(
  config: Pick<
    WorkerConfig,
    | 'MAIL_FROM'
    | 'MAIL_FROM_NAME'
    | 'MAIL_REPLY_TO'
    | 'MAIL_BOUNCE_ADDRESS'
    | 'PUBLIC_URL'
    | 'INTERNAL_JWT_SECRET'
  >,
): MailSettings {
  return {
    from: { name: config.MAIL_FROM_NAME, address: config.MAIL_FROM },
    ...(config.MAIL_REPLY_TO === '' ? {} : { replyTo: config.MAIL_REPLY_TO }),
    publicUrl: config.PUBLIC_URL,
    ...(config.MAIL_BOUNCE_ADDRESS === '' ? {} : { bounceAddress: config.MAIL_BOUNCE_ADDRESS }),
    returnKey: returnKey(config),
  }
}

function smtpOptions(config: WorkerConfig): Omit<SmtpOptions, 'connectionsMax'> {
  if (config.MAIL_FROM === '') throw new Error('MAIL_FROM is needed with SMTP_HOST')
  const dkim = readDkim(config)
  return {
    host: config.SMTP_HOST,
    port: config.SMTP_PORT,
    tls: config.SMTP_TLS as SmtpOptions['tls'],
    ca: config.SMTP_CA,
    username: config.SMTP_USERNAME,
    password: config.SMTP_PASSWORD,
    connectTimeoutMs: config.SMTP_CONNECT_TIMEOUT_MS,
    answerTimeoutMs: config.SMTP_ANSWER_TIMEOUT_MS,
    deadlineMs: deadlineMs(config),
    ...(dkim === undefined ? {} : { dkim }),
  }
}

const deadlineMs = (config: WorkerConfig) =>
  config.SMTP_CONNECT_TIMEOUT_MS + config.SMTP_ANSWER_TIMEOUT_MS + DEADLINE_MORE_MS

function readDkim({
  DKIM_DOMAIN: domain,
  DKIM_SELECTOR: selector,
  DKIM_PRIVATE_KEY: privateKey,
}: WorkerConfig): SmtpOptions['dkim'] {
  const given = [domain, selector, privateKey].filter((part) => part !== '')
  if (given.length === 0) return undefined
  if (given.length < 3) {
    throw new Error(
      'DKIM_DOMAIN, DKIM_SELECTOR and DKIM_PRIVATE_KEY are set together or not at all',
    )
  }
  return { domain, selector, privateKey }
}
