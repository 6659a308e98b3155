import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { readVerifyConfig } from '#src/config.ts'
import { parseTables } from '#src/domain/increments.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createDatabase } from '#src/infra/postgres/database.ts'

const config = readVerifyConfig(process.env)
const log = createLogger('bid', config.LOG_LEVEL)
const pool = createPool(config, { log, name: 'verify', max: 1 })
const settings = createBidSettings({ increments: parseTables(config.BID_INCREMENT_TABLES) })
const { lots, entries, violations } = await verifyLots(createDatabase(pool), settings)
await pool.end()
for (const violation of violations) console.log(violation)
console.log(`${lots} lots, ${entries} ledger entries, ${violations.length} violations`)
process.exitCode = violations.length === 0 ? 0 : 1
