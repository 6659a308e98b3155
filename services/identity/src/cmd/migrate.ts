import { migrate } from '@auction/common/postgres/migrate.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { readDatabaseConfig } from '#src/config.ts'
import { identityMigrations } from '#src/infra/postgres/migrations.ts'

const config = readDatabaseConfig(process.env)
const log = createLogger('identity', config.LOG_LEVEL)
const pool = createPool(config, { log, name: 'migrate' })
try {
  await migrate(pool, identityMigrations, log)
} finally {
  await pool.end()
}
