import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { ADVISORY_LOCKS } from '../postgres/advisory-locks.ts'
import { DATABASE_LOCALE } from '../postgres/locale.ts'
import { type MigrationSet, migrate } from '../postgres/migrate.ts'
import { createPool, type PoolOptions, type PostgresConfig } from '../postgres/pool.ts'
import { createLogger } from '../process/logger.ts'

export interface TestDatabase {
  pool: pg.Pool
  config: PostgresConfig
  /** Another pool on the same database, closed with the test. */
  createPool(
    max?: number,
    options?: Pick<PoolOptions, 'isPipelined' | 'isPatient' | 'lockTimeoutMs'>,
  ): pg.Pool
}

/** What a test offers for cleaning up; tap's `t` fits. */
export interface Teardown {
  teardown(step: () => unknown): void
}

/**
 * The limits of production would refuse a test's requests on a busy machine: they are made in the same process and all at
 * once, rows by the ten thousand are put in by one statement, and a transaction that waits for a processor holds its locks.
 */
export const TEST_CONNECTION_TIMEOUT_MS = 60_000
const TEST_LIMITS = {
  connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS,
  statementTimeoutMs: 60_000,
  lockTimeoutMs: 60_000,
  idleInTransactionMs: 60_000,
}

/**
 * A fresh database of the test's own, migrated, dropped when the test ends. It is a copy of one that was
 * migrated for all tests that want the same.
 */
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
  const log = createLogger('test', 'silent')
  const template = await ensureTemplate(url, config, migrations)
  await administer(url, `create database ${name} template ${template}`)
  const pools: pg.Pool[] = []
  const open: TestDatabase['createPool'] = (max = 10, options = {}) => {
    const pool = createPool(config, { ...TEST_LIMITS, ...options, log, max })
    pools.push(pool)
    return pool
  }
  const pool = open()
  t.teardown(async () => {
    for (const opened of pools) if (!opened.ended) await opened.end()
    await administer(url, `drop database ${name} with (force)`)
  })
  return { pool, config, createPool: open }
}

/** The name of a database to copy, made by the first test of all processes that needs it. */
async function ensureTemplate(
  url: URL,
  config: PostgresConfig,
  migrations: readonly MigrationSet[],
): Promise<string> {
  const name = `template_${digestOf(migrations)}`
  await withAdmin(url, async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [ADVISORY_LOCKS.migrations])
    const { rows } = await client.query<{ datistemplate: boolean }>(
      'select datistemplate from pg_database where datname = $1',
      [name],
    )
    if (rows[0]?.datistemplate === true) return
    // What a run left that was ended in the middle.
    await client.query(`drop database if exists ${name} with (force)`)
    await client.query(`create database ${name} ${DATABASE_LOCALE}`)
    const log = createLogger('test', 'silent')
    const pool = createPool({ ...config, POSTGRES_DATABASE: name }, { ...TEST_LIMITS, log, max: 2 })
    try {
      await migrate(pool, migrations, log)
    } finally {
      await pool.end()
    }
    // No session is let in: a database with sessions cannot be copied.
    await client.query(`alter database ${name} with allow_connections false is_template true`)
  })
  return name
}

function digestOf(migrations: readonly MigrationSet[]): string {
  const hash = createHash('sha256')
  for (const { name, dir } of migrations) {
    hash.update(`${name}\0`)
    for (const file of readdirSync(dir).sort()) {
      hash
        .update(`${file}\0`)
        .update(readFileSync(join(dir, file)))
        .update('\0')
    }
  }
  return hash.digest('hex').slice(0, 16)
}

const administer = (url: URL, statement: string) =>
  withAdmin(url, (client) => client.query(statement))

async function withAdmin(url: URL, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await work(client)
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
