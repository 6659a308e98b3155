import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { DATABASE_LOCALE } from '../postgres/locale.ts'
import { type MigrationSet, migrate } from '../postgres/migrate.ts'
import { createPool, type PoolOptions, type PostgresConfig } from '../postgres/pool.ts'
import { createLogger } from '../process/logger.ts'

export interface TestDatabase {
  pool: pg.Pool
  config: PostgresConfig
  /** Another pool on the same database, closed with the test. */
  createPool(max?: number, options?: Pick<PoolOptions, 'isPipelined'>): pg.Pool
}

/** What a test offers for cleaning up; tap's `t` fits. */
export interface Teardown {
  teardown(step: () => unknown): void
}

/**
 * The limit of production would refuse a test's requests on a busy machine: they are made in the
 * same process and all at once.
 */
export const TEST_CONNECTION_TIMEOUT_MS = 60_000

/** A fresh database of the test's own, migrated, dropped when the test ends. */
export async function createTestDatabase(
  t: Teardown,
  migrations: readonly MigrationSet[],
): Promise<TestDatabase> {
  const url = new URL(required('TEST_POSTGRES_URL'))
  const name = `test_${randomBytes(8).toString('hex')}`
  const config: PostgresConfig = {
    POSTGRES_HOST: url.hostname,
    POSTGRES_PORT: Number(url.port || 5432),
    POSTGRES_USERNAME: decodeURIComponent(url.username),
    POSTGRES_PASSWORD: decodeURIComponent(url.password),
    POSTGRES_DATABASE: name,
    POSTGRES_SSLMODE: 'disable',
    POSTGRES_POOL_MAX: 10,
  }
  await administer(url, `create database ${name} ${DATABASE_LOCALE}`)
  const log = createLogger('test', 'silent')
  const pools: pg.Pool[] = []
  const open: TestDatabase['createPool'] = (max = 10, options = {}) => {
    const connectionTimeoutMs = TEST_CONNECTION_TIMEOUT_MS
    const pool = createPool(config, { ...options, log, max, connectionTimeoutMs })
    pools.push(pool)
    return pool
  }
  const pool = open()
  t.teardown(async () => {
    for (const opened of pools) if (!opened.ended) await opened.end()
    await administer(url, `drop database ${name} with (force)`)
  })
  await migrate(pool, migrations, log)
  return { pool, config, createPool: open }
}

async function administer(url: URL, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** A setting that `make test` provides; says how to get it when it is missing. */
export function required(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') {
    throw new Error(
      `${name} is not set: run "make test", or "npm run infra -w local" and export what it prints`,
    )
  }
  return value
}
