import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import { isUnavailable } from '../http/errors.ts'
import type { App } from '../http/server.ts'
import { createDatabase } from '../postgres/database.ts'
import { assertLocale } from '../postgres/locale.ts'
import { createMigrationCheck } from '../postgres/migrate.ts'
import { assertDurable, createPool, type PostgresConfig } from '../postgres/pool.ts'
import type { Logger } from './logger.ts'
import type { Service } from './service.ts'
import { type ProcessConfig, type ProcessContext, runService } from './service-process.ts'

export interface DatabaseContext<DB> extends ProcessContext {
  pool: Pool
  db: Kysely<DB>
}

/**
 * Runs the API process of a service with a database: `build` makes the application, the kit makes
 * the pool, listens, checks readiness and stops in order.
 */
export async function runApi<DB>(
  service: Service,
  config: ProcessConfig & PostgresConfig,
  build: (context: DatabaseContext<DB>) => Promise<App>,
): Promise<void> {
  await runService(service.name, config, async (context) => {
    const database = await openDatabase<DB>(config, context)
    const app = await build(database)
    return { app, checks: { postgres: createMigrationCheck(database.pool, service.migrations) } }
  })
}

const CONNECT_DEADLINE_MS = 60_000
const CONNECT_PAUSE_MS = 250

/**
 * The pool of a process, closed when it stops; refuses a server that can lose commits, and a
 * database that knows letters of ASCII only. A database
 * that cannot be reached yet, as when a whole node starts, is waited for up to a minute: ending the
 * process would only start it again, with growing pauses.
 */
export async function openDatabase<DB>(
  config: PostgresConfig,
  context: ProcessContext,
): Promise<DatabaseContext<DB>> {
  const { log, registry, lifecycle } = context
  const pool = createPool(config, { log, registry })
  lifecycle.onStop('postgres', () => pool.end())
  await untilConnected(pool, log)
  return { ...context, pool, db: createDatabase<DB>(pool) }
}

async function untilConnected(pool: Pool, log: Logger): Promise<void> {
  const deadlineMs = performance.now() + CONNECT_DEADLINE_MS
  for (;;) {
    try {
      await assertDurable(pool)
      return await assertLocale(pool)
    } catch (error) {
      if (!isUnavailable(error) || performance.now() > deadlineMs) throw error
      log.warn({ err: error }, 'the database is not reachable yet')
      await wait(CONNECT_PAUSE_MS)
    }
  }
}
