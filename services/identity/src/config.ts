import {
  AUTH_SETTINGS,
  POSTGRES_SETTINGS,
  PROCESS_SETTINGS,
  RABBITMQ_SETTINGS,
  readConfig,
} from '@auction/common/config.ts'
import { Type } from 'typebox'

const ApiConfig = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  JWT_ISSUER: AUTH_SETTINGS.JWT_ISSUER,
  INTERNAL_JWT_SECRET: AUTH_SETTINGS.INTERNAL_JWT_SECRET,
  /** The address that people type, without a path: passkeys are bound to it. */
  PUBLIC_URL: Type.String({ pattern: '^https?://[^/]+/?$' }),
  /** 32 random bytes in base64: encrypts signing keys, derives refresh tokens. */
  KEY_ENCRYPTION_KEY: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }),
  /** Passwords being hashed at once; 0 = one per core. */
  PASSWORD_HASH_CONCURRENCY: Type.Integer({ default: 0, minimum: 0, maximum: 64 }),
  /** Logins and registrations that may wait for a hash; further ones are refused. */
  PASSWORD_HASH_QUEUE_MAX: Type.Integer({ default: 64, minimum: 1, maximum: 10_000 }),
  LEGACY_PASCAL_ALIAS: RABBITMQ_SETTINGS.LEGACY_PASCAL_ALIAS,
})

const WorkerConfig = Type.Object({
  ...PROCESS_SETTINGS,
  ...POSTGRES_SETTINGS,
  ...RABBITMQ_SETTINGS,
})

/** Commands that only need the database: migrations and the check of the audit. */
const DatabaseConfig = Type.Object({ LOG_LEVEL: PROCESS_SETTINGS.LOG_LEVEL, ...POSTGRES_SETTINGS })

export const readApiConfig = (env: NodeJS.ProcessEnv) => readConfig(ApiConfig, env)
export const readWorkerConfig = (env: NodeJS.ProcessEnv) => readConfig(WorkerConfig, env)
export const readDatabaseConfig = (env: NodeJS.ProcessEnv) => readConfig(DatabaseConfig, env)
