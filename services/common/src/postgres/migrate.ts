import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Pool, PoolClient } from 'pg'
import { isUnavailable, SQL_STATES, sqlState } from '../http/errors.ts'
import type { Logger } from '../process/logger.ts'
import { ADVISORY_LOCKS } from './advisory-locks.ts'
import { assertLocale } from './locale.ts'
import { assertDurable } from './pool.ts'

/** A folder of plain SQL files, run in the order of their names. */
export interface MigrationSet {
  name: string
  dir: string
}

/** Outbox and inbox; every service with a database runs these before its own. */
export const messagingMigrations: MigrationSet = {
  name: 'common',
  dir: fileURLToPath(new URL('../../migrations', import.meta.url)),
}

/**
 * Every migration of a service's database, in the order in which they run: outbox and inbox first,
 * then the `migrations` folder of the service.
 */
export function serviceMigrations(service: string, dir: string): MigrationSet[] {
  return [messagingMigrations, { name: service, dir }]
}

interface Migration {
  name: string
  sql: string
  checksum: string
}

const WAIT_FOR_DATABASE_MS = 60_000
const WAIT_STEP_MS = 250
const STATEMENT_MAX_MS = 10 * 60_000
const STEP_MAX_MS = 6 * 60 * 60_000
// A statement that needs a table after a migration that waits for it waits too: a request has time for
// this much, and between two tries they all get through.
const LOCK_WAIT_MS = 1_000
const LOCK_PAUSE_MS = 2_000

/**
 * Brings the database up to date, forward only, each file in a transaction of its own, under an
 * advisory lock so that any number of callers may start at once. Throws when a file that was run
 * has changed since, when the database could lose a commit, or when it knows letters of ASCII only. A file whose table is in use tries
 * again until it gets it: a backup may read for an hour, and must stop neither bids nor be stopped. A file
 * that begins with "-- no transaction" runs statement by statement.
 */
export async function migrate(
  pool: Pool,
  sets: readonly MigrationSet[],
  log: Logger,
  lockPauseMs = LOCK_PAUSE_MS,
): Promise<void> {
  const client = await connectPatiently(pool, log)
  try {
    await assertDurable(pool)
    await assertLocale(pool)
    // A migration may rightly take longer than a request, and must wait for the other migrator.
    await client.query('set statement_timeout = 0')
    await client.query('set lock_timeout = 0')
    while (!(await tryLock(client))) await wait(WAIT_STEP_MS)
    await client.query(`set lock_timeout = ${LOCK_WAIT_MS}`)
    await client.query(`create table if not exists migrations (
      name text primary key, checksum text not null,
      applied_at timestamptz not null default clock_timestamp())`)
    const { rows } = await client.query<{ name: string; checksum: string }>(
      'select name, checksum from migrations',
    )
    const applied = new Map(rows.map((row) => [row.name, row.checksum]))
    for (const migration of sets.flatMap(readSet)) {
      if (isApplied(migration, applied)) continue
      while (!(await apply(client, migration, log))) await wait(lockPauseMs)
    }
  } finally {
    // The session ends with the client, and the lock with the session.
    client.release(true)
  }
}

/** Not a statement that waits: an index that another migrator builds concurrently would wait for its end. */
async function tryLock(client: PoolClient): Promise<boolean> {
  const { rows } = await client.query<{ isLocked: boolean }>(
    'select pg_try_advisory_lock(hashtext($1)) as "isLocked"',
    [ADVISORY_LOCKS.migrations],
  )
  return rows[0]?.isLocked === true
}

// The pool's clients give up on an answer after seconds; for these statements that is too soon.
const patient = (text: string, query_timeout = STATEMENT_MAX_MS) => ({ text, query_timeout })

function isApplied({ name, checksum }: Migration, applied: Map<string, string>): boolean {
  const known = applied.get(name)
  if (known === undefined || known === checksum) return known !== undefined
  throw new Error(`migration ${name} was changed after it had been run`)
}

/** Runs a file; false when another session held a lock that it needs. */
async function apply(
  client: PoolClient,
  { name, sql, checksum }: Migration,
  log: Logger,
): Promise<boolean> {
  if (sql.startsWith(NO_TRANSACTION)) {
    await applyInSteps(client, { name, sql, checksum })
    log.info({ migration: name }, 'migration applied')
    return true
  }
  await client.query('begin')
  try {
    await client.query(patient(sql))
    await client.query('insert into migrations (name, checksum) values ($1, $2)', [name, checksum])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    const state = sqlState(error)
    if (state === SQL_STATES.lockNotAvailable || state === SQL_STATES.deadlock) {
      log.warn({ migration: name }, 'migration waits for a table that is in use')
      return false
    }
    throw new Error(`migration ${name} failed`, { cause: error })
  }
  log.info({ migration: name }, 'migration applied')
  return true
}

const NO_TRANSACTION = '-- no transaction\n'

/**
 * Runs a file that builds indexes while the table is written to (`concurrently`), statement by statement. It
 * may end half done and runs again, so every statement in it must bear that. No one waits for these
 * statements, so they wait for readers as long as it takes.
 */
async function applyInSteps(client: PoolClient, migration: Migration): Promise<void> {
  const { name, sql, checksum } = migration
  const statements = sql.split(/;\s*$/m).filter((statement) => /^\s*[^\s-]/m.test(statement))
  try {
    await client.query('set lock_timeout = 0')
    for (const statement of statements) await client.query(patient(statement, STEP_MAX_MS))
    await client.query('insert into migrations (name, checksum) values ($1, $2)', [name, checksum])
  } catch (error) {
    throw new Error(`migration ${name} failed`, { cause: error })
  } finally {
    await client.query(`set lock_timeout = ${LOCK_WAIT_MS}`).catch(() => undefined)
  }
}

function readSet({ name, dir }: MigrationSet): Migration[] {
  return readdirSync(dir)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => {
      const sql = readFileSync(join(dir, file), 'utf8')
      const checksum = createHash('sha256').update(sql).digest('hex')
      return { name: `${name}/${file}`, sql, checksum }
    })
}

async function connectPatiently(pool: Pool, log: Logger): Promise<PoolClient> {
  const deadlineMs = performance.now() + WAIT_FOR_DATABASE_MS
  for (;;) {
    try {
      return await pool.connect()
    } catch (error) {
      if (!isUnavailable(error) || performance.now() > deadlineMs) throw error
      log.info('waiting for postgres')
      await wait(WAIT_STEP_MS)
    }
  }
}

/**
 * A readiness check that reads only: true when the database answers and every file has been run.
 * Newer migrations of a later version do not matter, so an old pod stays ready during an upgrade.
 */
export function createMigrationCheck(
  pool: Pool,
  sets: readonly MigrationSet[],
): () => Promise<boolean> {
  const names = sets.flatMap(readSet).map(({ name }) => name)
  let isComplete = false
  return async () => {
    if (isComplete) {
      await pool.query('select 1')
      return true
    }
    const { rows } = await pool.query<{ count: number }>(
      'select count(*)::int as count from migrations where name = any($1)',
      [names],
    )
    isComplete = rows[0]?.count === names.length
    return isComplete
  }
}
