import { envSchema } from 'env-schema'
import { type Static, type TObject, Type } from 'typebox'

/** Settings that every process has: two listeners, a log level and how it stops. */
export const PROCESS_SETTINGS = {
  HOST: Type.String({ default: '0.0.0.0' }),
  PORT: Type.Integer({ default: 8080, minimum: 0, maximum: 65535 }),
  OPS_PORT: Type.Integer({ default: 9090, minimum: 0, maximum: 65535 }),
  LOG_LEVEL: Type.Union(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) =>
      Type.Literal(level),
    ),
    { default: 'info' },
  ),
  SHUTDOWN_DRAIN_MS: Type.Integer({ default: 5_000, minimum: 0, maximum: 60_000 }),
}

/** Settings of a process that owns a PostgreSQL database; names are those of the original. */
export const POSTGRES_SETTINGS = {
  POSTGRES_HOST: Type.String({ default: 'localhost' }),
  POSTGRES_PORT: Type.Integer({ default: 5432, minimum: 1, maximum: 65535 }),
  POSTGRES_USERNAME: Type.String({ minLength: 1 }),
  POSTGRES_PASSWORD: Type.String(),
  POSTGRES_DATABASE: Type.String({ minLength: 1 }),
  POSTGRES_SSLMODE: Type.Union(
    ['disable', 'require', 'verify-full'].map((mode) => Type.Literal(mode)),
    { default: 'disable' },
  ),
  POSTGRES_POOL_MAX: Type.Integer({ default: 10, minimum: 2, maximum: 100 }),
}

/** Settings of a command that needs the database and nothing else, such as the migrations. */
export const MigrateConfig = Type.Object({
  LOG_LEVEL: PROCESS_SETTINGS.LOG_LEVEL,
  ...POSTGRES_SETTINGS,
})

/** Settings of a process that verifies callers. */
export const AUTH_SETTINGS = {
  JWKS_URL: Type.String({ minLength: 1 }),
  JWT_ISSUER: Type.String({ default: 'auction-identity' }),
  INTERNAL_JWT_SECRET: Type.String({ minLength: 32 }),
}

/** Settings of a process that talks to the broker. */
export const RABBITMQ_SETTINGS = {
  RABBITMQ_URL: Type.String({ minLength: 1 }),
  /** Put into the address when given, so that a password needs no encoding by hand. */
  RABBITMQ_USERNAME: Type.String({ default: '' }),
  RABBITMQ_PASSWORD: Type.String({ default: '' }),
  /** `expect`: something else declares exchanges and queues; this process may not and waits. */
  RABBITMQ_TOPOLOGY: Type.Union([Type.Literal('declare'), Type.Literal('expect')], {
    default: 'declare',
  }),
  LEGACY_PASCAL_ALIAS: Type.Boolean({ default: false }),
  /** Passes bids and accounts on to the original's exchanges; for the process that declares. */
  LEGACY_EXCHANGES: Type.Boolean({ default: false }),
}

/**
 * Reads settings from the environment once. Throws naming the missing or wrong key; env-schema
 * never prints the values, so a secret cannot reach the log this way.
 */
export function readConfig<S extends TObject>(
  schema: S,
  env: NodeJS.ProcessEnv,
): Readonly<Static<S>> {
  return Object.freeze(envSchema<Static<S>>({ schema, data: env, env: false }))
}
