import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import type { App } from '../http/server.ts'
import { createDatabase } from '../postgres/database.ts'
import { createMigrationCheck } from '../postgres/migrate.ts'
import { assertDurable, createPool, type PostgresConfig } from '../postgres/pool.ts'
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

/** The pool of a process, closed when it stops; refuses a server that can lose commits. */
export async function openDatabase<DB>(
  config: PostgresConfig,
  context: ProcessContext,
): Promise<DatabaseContext<DB>> {
  const { log, registry, lifecycle } = context
  const pool = createPool(config, { log, registry })
  lifecycle.onStop('postgres', () => pool.end())
  await assertDurable(pool)
  return { ...context, pool, db: createDatabase<DB>(pool) }
}
