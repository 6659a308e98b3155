import type { Readable } from 'node:stream'
import { getCACertificates } from 'node:tls'
import type { Logger } from '@auction/common/process/logger.ts'
import { createTransport, type SendMailOptions, type SMTPPoolOptions } from 'nodemailer'
import { judgeFailure, type MailOutcome, type SmtpFailure } from '#src/domain/mail-outcome.ts'

export interface SmtpOptions {
  host: string
  port: number
  /** `implicit`: TLS from the first byte; `starttls`: required; `none`: never, for a server on this machine. */
  tls: 'implicit' | 'starttls' | 'none'
  /** Certificates in PEM that vouch for the server, besides those that Node knows; empty: none. */
  ca: string
  username: string
  password: string
  connectionsMax: number
  connectTimeoutMs: number
  /** How long the server may take for one answer. */
  answerTimeoutMs: number
  /** How long one mail may take, however slowly the server answers. */
  deadlineMs: number
  dkim?: { domain: string; selector: string; privateKey: string }
}

/** A mail as it leaves. */
export interface OutgoingMail {
  /** Also in its Message-ID, so that a mailbox which gets it twice can find out. */
  id: string
  to: string
  from: { name: string; address: string }
  replyTo?: string
  /** Where a mail server sends word of what it could not deliver. */
  bounceAddress: string
  subject: string
  text: string
  html: string
  headers: Readonly<Record<string, string>>
  /** By which the reader ends mails of this kind, with one click (RFC 8058). */
  unsubscribeUrl?: string
}

export interface MailTransport {
  /** A mail that is under way when `stopping` is aborted has some seconds left. */
  send(mail: OutgoingMail, stopping?: AbortSignal): Promise<MailOutcome>
  close(): void
}

interface Progress {
  /** What the connection reads the mail from, once the server said that it may come. */
  stream?: Readable
}

// Of nodemailer. Any other code without an answer is about the mail: it is not to hold up all others.
const OF_CONNECTION = [
  'ECONNECTION',
  'ETIMEDOUT',
  'ESOCKET',
  'EDNS',
  'ETLS',
  'EPROTOCOL',
  'EAUTH',
  'ENOAUTH',
  'EPROXY',
  'EABORT',
]

// What Node says of a certificate, or of a server that speaks no TLS.
const OF_TLS = /CERT|TLS|SSL|SIGNED|SIGNATURE|ISSUER|EPROTO/

type Failure = SmtpFailure & { isConnectionEnded: boolean }

// nodemailer makes two addresses of a text with a comma in it.
const ONE_ADDRESS = /^[^\s@<>()[\],;:"\\]+@[^\s@<>()[\],;:"\\]+$/

const MAILS_PER_CONNECTION = 100
const IDLE_MS = 30_000
/** Less than a stop may take. */
const STOP_GRACE_MS = 10_000

/** Sends over a pool of connections. It never throws for what a server does or does not do. */
export function createMailTransport(options: SmtpOptions, log: Logger): MailTransport {
  const transporter = createTransport(poolOptions(options))
  // The mail that a broken connection carried gets the same error; without a listener it ends the process.
  transporter.on('error', (err: unknown) =>
    log.debug({ err }, 'a connection to the mail server failed'),
  )
  const progresses = new WeakMap<AbortSignal, Progress>()
  transporter.use('stream', ({ data, message }, done) => {
    const progress = data.signal && progresses.get(data.signal)
    const create = message.createReadStream.bind(message)
    message.createReadStream = (streamOptions) => {
      const stream = create(streamOptions)
      if (progress !== undefined) progress.stream = stream
      return stream
    }
    done()
  })
  const attempt = async (mail: OutgoingMail, signal: AbortSignal): Promise<Failure | undefined> => {
    const progress: Progress = {}
    progresses.set(signal, progress)
    try {
      await transporter.sendMail({ ...messageOf(mail), signal })
      return undefined
    } catch (error) {
      log.debug({ err: error, mailId: mail.id }, 'the mail server did not take a mail')
      return failureOf(error, progress)
    }
  }
  return {
    async send(mail, stopping) {
      if (!ONE_ADDRESS.test(mail.to)) {
        return { kind: 'failed', reason: 'not_an_address', isDeadAddress: true }
      }
      const { signal, end } = deadline(options.deadlineMs, stopping)
      try {
        let failure = await attempt(mail, signal)
        // The server may end a connection that was idle; the next one is new.
        if (failure?.isConnectionEnded === true && !failure.isBegun) {
          failure = await attempt(mail, signal)
        }
        return failure === undefined ? { kind: 'sent' } : judgeFailure(failure)
      } finally {
        end()
      }
    },
    close: () => transporter.close(),
  }
}

/** Aborted when the time is up, which comes sooner in a process that stops. */
function deadline(timeoutMs: number, stopping?: AbortSignal) {
  const controller = new AbortController()
  const timers = [setTimeout(() => controller.abort(), timeoutMs)]
  const onStop = () => timers.push(setTimeout(() => controller.abort(), STOP_GRACE_MS))
  if (stopping?.aborted === true) onStop()
  else stopping?.addEventListener('abort', onStop, { once: true })
  return {
    signal: controller.signal,
    end() {
      stopping?.removeEventListener('abort', onStop)
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

function poolOptions(options: SmtpOptions): SMTPPoolOptions & { pool: true } {
  const { host, port, tls, ca, username, password, dkim } = options
  return {
    pool: true,
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    tls: {
      minVersion: 'TLSv1.2',
      // Given any, Node would know no others.
      ...(ca === '' ? {} : { ca: [...getCACertificates('default'), ca] }),
    },
    ...(username === '' ? {} : { auth: { user: username, pass: password } }),
    maxConnections: options.connectionsMax,
    maxMessages: MAILS_PER_CONNECTION,
    // The pool would try again by itself, and this process must know what happened to each attempt.
    maxRequeues: 0,
    idleTimeout: IDLE_MS,
    dnsTimeout: options.connectTimeoutMs,
    connectionTimeout: options.connectTimeoutMs,
    greetingTimeout: options.connectTimeoutMs,
    socketTimeout: options.answerTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(dkim === undefined
      ? {}
      : {
          dkim: {
            domainName: dkim.domain,
            keySelector: dkim.selector,
            privateKey: dkim.privateKey,
          },
        }),
  }
}

function messageOf(mail: OutgoingMail): SendMailOptions {
  const { id, to, from, replyTo, bounceAddress, subject, text, html, headers, unsubscribeUrl } =
    mail
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1)
  return {
    messageId: `<${id}@${domain}>`,
    envelope: { from: bounceAddress, to: [to] },
    from,
    to: { name: '', address: to },
    ...(replyTo === undefined ? {} : { replyTo: { name: '', address: replyTo } }),
    subject,
    text,
    html,
    headers: {
      'Auto-Submitted': 'auto-generated',
      ...(unsubscribeUrl === undefined
        ? {}
        : { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
      ...headers,
    },
    // An array in an array is one header with several values.
    ...(unsubscribeUrl === undefined ? {} : { list: { unsubscribe: [[unsubscribeUrl]] } }),
  }
}

function failureOf(error: unknown, { stream }: Progress): Failure {
  const { code, originalCode, responseCode, response, command } = error as {
    code?: string
    originalCode?: string
    responseCode?: number
    response?: string
    command?: string
  }
  const isAnswered = typeof responseCode === 'number'
  return {
    ...(isAnswered ? { responseCode } : {}),
    ...(response === undefined ? {} : { response }),
    ...(command === undefined ? {} : { command }),
    isWithoutTls: code === 'ETLS' || OF_TLS.test(originalCode ?? ''),
    isBegun: stream?.readableDidRead === true,
    isUnsendable: !isAnswered && !OF_CONNECTION.includes(code ?? ''),
    isConnectionEnded: !isAnswered && code === 'ECONNECTION',
  }
}
