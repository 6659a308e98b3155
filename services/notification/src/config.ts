import {
  AUTH_SETTINGS,
  MigrateConfig,
  POSTGRES_SETTINGS,
  PROCESS_SETTINGS,
  RABBITMQ_SETTINGS,
  readConfig,
} from '@auction/common/process/config.ts'
import { createSecretBox, type SecretBox } from '@auction/common/secret-box.ts'
import { Type } from 'typebox'
import { type OutgoingRules, readNetworks } from '#src/domain/outgoing-address.ts'
import type { VapidKeys } from '#src/infra/push/push-request.ts'

const PUBLIC_URL = Type.String({ pattern: '^https?://[^/]+/?$' })

const ADDRESS = '[^\\s@<>,;:"]+@[^\\s@<>,;:"]+'

const MAIL_SETTINGS = {
  /** 32 random bytes in base64, shared with identity: opens the secrets of links. */
  MAIL_SEAL_KEY: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }),
  /** The server that takes our mails; empty: they wait. */
  SMTP_HOST: Type.String({ default: '' }),
  SMTP_PORT: Type.Integer({ default: 587, minimum: 1, maximum: 65_535 }),
  /** `implicit`: TLS from the first byte (465); `starttls`: required; `none`: for a server on this machine. */
  SMTP_TLS: Type.Union(
    ['implicit', 'starttls', 'none'].map((mode) => Type.Literal(mode)),
    { default: 'starttls' },
  ),
  /** Certificates in PEM that vouch for the server, besides those that Node knows. */
  SMTP_CA: Type.String({ default: '', pattern: '^(\\s*-----BEGIN CERTIFICATE-----[^]*)?$' }),
  SMTP_USERNAME: Type.String({ default: '' }),
  SMTP_PASSWORD: Type.String({ default: '' }),
  /** So many notices are sent at once by one process; mails about security have two connections more. */
  SMTP_CONNECTIONS_MAX: Type.Integer({ default: 5, minimum: 1, maximum: 50 }),
  SMTP_CONNECT_TIMEOUT_MS: Type.Integer({ default: 15_000, minimum: 100, maximum: 120_000 }),
  /** How long the server may take for one answer, the one that it has the mail included. */
  SMTP_ANSWER_TIMEOUT_MS: Type.Integer({ default: 120_000, minimum: 100, maximum: 300_000 }),
  /** Whom mails come from; needed with SMTP_HOST. */
  MAIL_FROM: Type.String({ default: '', pattern: `^(${ADDRESS})?$` }),
  MAIL_FROM_NAME: Type.String({ default: 'Auction', minLength: 1, maxLength: 80 }),
  /** Who gets what readers answer; empty: MAIL_FROM. */
  MAIL_REPLY_TO: Type.String({ default: '', pattern: `^(${ADDRESS})?$` }),
  /** Where servers send what they could not deliver: NAME@DOMAIN makes NAME+TOKEN@DOMAIN; empty: MAIL_FROM. */
  MAIL_BOUNCE_ADDRESS: Type.String({
    default: '',
    // With its token the name has at most the 64 letters that mail allows.
    pattern: '^([A-Za-z0-9._-]{1,11}@[A-Za-z0-9.-]+)?$',
  }),
  /** A signature of our own, where the server makes none: domain, selector, and a private key in PEM. */
  DKIM_DOMAIN: Type.String({ default: '' }),
  DKIM_SELECTOR: Type.String({ default: '' }),
  DKIM_PRIVATE_KEY: Type.String({ default: '' }),
}

/** What calling the addresses of users needs. */
const OUTGOING_SETTINGS = {
  /** Networks besides the internet that may be called, as CIDRs; for tests on one machine only. */
  OUTGOING_ALLOWED_NETWORKS: Type.String({ default: '' }),
  /** 32 random bytes in base64: seals the secrets of webhooks. OTHER opens what a former key sealed. */
  WEBHOOK_SEAL_KEY: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }),
  WEBHOOK_SEAL_KEY_OTHER: Type.String({ default: '', pattern: '^([A-Za-z0-9+/]{43}=)?$' }),
}

/** The keys by which push services know us; without them push is off. */
const PUSH_SETTINGS = {
  VAPID_PUBLIC_KEY: Type.String({ default: '', pattern: '^([A-Za-z0-9_-]{87})?$' }),
  VAPID_PRIVATE_KEY: Type.String({ default: '', pattern: '^([A-Za-z0-9_-]{43})?$' }),
  /** How push services reach the operators. */
  VAPID_SUBJECT: Type.String({ default: '', pattern: '^((mailto:|https://).+)?$' }),
}

const API_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...AUTH_SETTINGS,
  ...RABBITMQ_SETTINGS,
  /** Who knows whether the session of a live stream goes on. */
  IDENTITY_URL: Type.String({ minLength: 1 }),
  /** Addresses and CIDRs of gateways, by commas: what they say about clients is believed. */
  TRUSTED_PROXIES: Type.String({ default: '' }),
  /** Live streams of one process, and in it of one user and of one address or IPv6 network. */
  LIVE_STREAMS_MAX: Type.Integer({ default: 10_000, minimum: 1, maximum: 100_000 }),
  LIVE_STREAMS_PER_USER: Type.Integer({ default: 20, minimum: 1, maximum: 100_000 }),
  LIVE_STREAMS_PER_ADDRESS: Type.Integer({ default: 500, minimum: 1, maximum: 100_000 }),
  /** A stream ends after about so long, and its client comes back to any replica. */
  LIVE_STREAM_MINUTES: Type.Integer({ default: 30, minimum: 1, maximum: 1_440 }),
  /** The address that people type, without a path: links lead there. */
  PUBLIC_URL,
  /** 32 random bytes in base64, by which POST /webhooks/mail knows who reports; empty: there is no such route. */
  MAIL_REPORT_SECRET: Type.String({ default: '', pattern: '^([A-Za-z0-9+/]{43}=)?$' }),
  ...OUTGOING_SETTINGS,
  ...PUSH_SETTINGS,
})

const WORKER_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...RABBITMQ_SETTINGS,
  INTERNAL_JWT_SECRET: AUTH_SETTINGS.INTERNAL_JWT_SECRET,
  PUBLIC_URL,
  /** Who knows the addresses of users, and the names of items from before this service. */
  IDENTITY_URL: Type.String({ minLength: 1 }),
  AUCTION_URL: Type.String({ minLength: 1 }),
  /** How long inboxes keep notices. */
  NOTICE_RETENTION_DAYS: Type.Integer({ default: 180, minimum: 1, maximum: 3_650 }),
  ...MAIL_SETTINGS,
  ...OUTGOING_SETTINGS,
  ...PUSH_SETTINGS,
})

/** What `npm run mail -- bounce` needs. */
const REPORT_SETTINGS = Type.Object({
  ...MigrateConfig.properties,
  INTERNAL_JWT_SECRET: AUTH_SETTINGS.INTERNAL_JWT_SECRET,
})

export type ApiConfig = ReturnType<typeof readApiConfig>
export type WorkerConfig = ReturnType<typeof readWorkerConfig>

type OutgoingConfig = Pick<WorkerConfig, 'PUBLIC_URL' | keyof typeof OUTGOING_SETTINGS>

/** Which addresses of users may be called. */
export const outgoingRules = (config: OutgoingConfig): OutgoingRules => ({
  allowedNetworks: readNetworks(config.OUTGOING_ALLOWED_NETWORKS),
  ownHost: new URL(config.PUBLIC_URL).hostname,
})

/** Undefined: push is off. Throws when only some of the three settings are there. */
export function vapidKeys(
  config: Pick<WorkerConfig, keyof typeof PUSH_SETTINGS>,
): VapidKeys | undefined {
  const { VAPID_PUBLIC_KEY: publicKey, VAPID_PRIVATE_KEY: privateKey } = config
  const given = [publicKey, privateKey, config.VAPID_SUBJECT].filter((value) => value !== '')
  if (given.length === 0) return undefined
  if (given.length < 3) {
    throw new Error('VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY and VAPID_SUBJECT belong together')
  }
  return { publicKey, privateKey, subject: config.VAPID_SUBJECT }
}

/** What seals the secrets of webhooks. */
export const webhookBox = (config: OutgoingConfig): SecretBox =>
  createSecretBox(config.WEBHOOK_SEAL_KEY, config.WEBHOOK_SEAL_KEY_OTHER, 'WEBHOOK_SEAL_KEY')

export const readApiConfig = (env: NodeJS.ProcessEnv) => readConfig(API_SETTINGS, env)
export const readWorkerConfig = (env: NodeJS.ProcessEnv) => readConfig(WORKER_SETTINGS, env)
export const readReportConfig = (env: NodeJS.ProcessEnv) => readConfig(REPORT_SETTINGS, env)
export const readDatabaseConfig = (env: NodeJS.ProcessEnv) => readConfig(MigrateConfig, env)
