import { migrate } from '@auction/common/postgres/migrate.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { readMigrateConfig } from '#src/config.ts'
import { auctionMigrations } from '#src/infra/postgres/migrations.ts'

const config = readMigrateConfig(process.env)
const log = createLogger('auction', config.LOG_LEVEL)
const pool = createPool(config, { log, name: 'migrate' })
try {
  await migrate(pool, auctionMigrations, log)
} finally {
  await pool.end()
}
