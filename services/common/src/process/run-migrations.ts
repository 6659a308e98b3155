import { migrate } from '../postgres/migrate.ts'
import { createPool } from '../postgres/pool.ts'
import { MigrateConfig, readConfig } from './config.ts'
import { createLogger } from './logger.ts'
import type { Service } from './service.ts'

// One connection runs the files, one checks the server's settings.
const POOL_MAX = 2

/** The process that brings a service's database up to date, then ends. Throws when it cannot. */
export async function runMigrations(
  { name, migrations }: Service,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const config = readConfig(MigrateConfig, env)
  const log = createLogger(name, config.LOG_LEVEL)
  const pool = createPool(config, { log, name: 'migrate', max: POOL_MAX })
  try {
    await migrate(pool, migrations, log)
  } finally {
    await pool.end()
  }
}
