import { migrate } from '@auction/common/postgres/migrate.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { readMigrateConfig } from '#src/config.ts'
import { MIGRATIONS } from '#src/infra/postgres/migrations.ts'

const config = readMigrateConfig(process.env)
const log = createLogger('bid', config.LOG_LEVEL)
const pool = createPool(config, { log, name: 'migrate', max: 2 })
await migrate(pool, MIGRATIONS, log)
await pool.end()
