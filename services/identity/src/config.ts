import {
  AUTH_SETTINGS,
  MigrateConfig,
  POSTGRES_SETTINGS,
  PROCESS_SETTINGS,
  RABBITMQ_SETTINGS,
  readConfig,
} from '@auction/common/process/config.ts'
import { Type } from 'typebox'

const ENCRYPTION_SETTINGS = {
  /** 32 random bytes in base64: encrypts secrets at rest, derives refresh tokens. */
  KEY_ENCRYPTION_KEY: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }),
  /** The next or the previous one while it is being changed (docs/operations.md). */
  KEY_ENCRYPTION_KEY_OTHER: Type.String({ default: '', pattern: '^([A-Za-z0-9+/]{43}=)?$' }),
}

const MAIL_SETTINGS = {
  /** The address that people type, without a path: passkeys are bound to it, links lead there. */
  PUBLIC_URL: Type.String({ pattern: '^https?://[^/]+/?$' }),
  /** 32 random bytes in base64, shared with whatever sends mails: seals the secrets of links. */
  MAIL_SEAL_KEY: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }),
}

const OWNERS_SETTINGS = {
  /** Where the services live that know what a user still owes, and the secret between services. */
  AUCTION_URL: Type.String({ minLength: 1 }),
  BID_URL: Type.String({ minLength: 1 }),
  ORDER_URL: Type.String({ minLength: 1 }),
  PAYMENT_URL: Type.String({ minLength: 1 }),
  INTERNAL_JWT_SECRET: AUTH_SETTINGS.INTERNAL_JWT_SECRET,
}

const API_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  JWT_ISSUER: AUTH_SETTINGS.JWT_ISSUER,
  ...OWNERS_SETTINGS,
  ...MAIL_SETTINGS,
  ...ENCRYPTION_SETTINGS,
  /** A service with the range protocol of Have I Been Pwned; empty = none is asked. */
  BREACHED_PASSWORDS_URL: Type.String({ default: '' }),
  /** Passwords being hashed at once; 0 = one per core. */
  PASSWORD_HASH_CONCURRENCY: Type.Integer({ default: 0, minimum: 0, maximum: 64 }),
  /** Logins and registrations that may wait for a hash; further ones are refused. */
  PASSWORD_HASH_QUEUE_MAX: Type.Integer({ default: 64, minimum: 1, maximum: 10_000 }),
  /** Wrong passwords of one account in a quarter of an hour, from places that are new to it. */
  TRIES_PER_ACCOUNT: Type.Integer({ default: 10, minimum: 1, maximum: 1_000_000 }),
  /** Wrong passwords, wrong codes and registrations from one address in a quarter of an hour. */
  TRIES_PER_ADDRESS: Type.Integer({ default: 100, minimum: 1, maximum: 1_000_000 }),
  /** Whether an account can be used before its address is verified; optional is for developers. */
  EMAIL_VERIFICATION: Type.Union([Type.Literal('required'), Type.Literal('optional')], {
    default: 'required',
  }),
  /** An account that its owner closed can be kept so long; 0 = it is deleted a minute later. */
  DELETION_DAYS: Type.Integer({ default: 7, minimum: 0, maximum: 30 }),
  /** Addresses and CIDRs of gateways, by commas: what they say about clients is believed. */
  TRUSTED_PROXIES: Type.String({ default: '' }),
  LEGACY_PASCAL_ALIAS: RABBITMQ_SETTINGS.LEGACY_PASCAL_ALIAS,
})

const WORKER_SETTINGS = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...RABBITMQ_SETTINGS,
  ...ENCRYPTION_SETTINGS,
  /** A signing key is replaced after so many days. */
  KEY_ROTATION_DAYS: Type.Integer({ default: 30, minimum: 1, maximum: 3_650 }),
  ...MAIL_SETTINGS,
  ...OWNERS_SETTINGS,
})

/** The command about keys. */
const KEYS_SETTINGS = Type.Object({ ...MigrateConfig.properties, ...ENCRYPTION_SETTINGS })

export type ApiConfig = ReturnType<typeof readApiConfig>
export type WorkerConfig = ReturnType<typeof readWorkerConfig>

export const readApiConfig = (env: NodeJS.ProcessEnv) => readConfig(API_SETTINGS, env)
export const readWorkerConfig = (env: NodeJS.ProcessEnv) => readConfig(WORKER_SETTINGS, env)
export const readDatabaseConfig = (env: NodeJS.ProcessEnv) => readConfig(MigrateConfig, env)
export const readKeysConfig = (env: NodeJS.ProcessEnv) => readConfig(KEYS_SETTINGS, env)
