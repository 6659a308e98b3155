import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { readVerifyConfig } from '#src/config.ts'
import { parseTables } from '#src/domain/increments.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const config = readVerifyConfig(process.env)
const log = createLogger(SERVICE.name, config.LOG_LEVEL)
const pool = createPool(config, { log, name: 'verify', max: 1, isPatient: true })
const settings = createBidSettings({ increments: parseTables(config.BID_INCREMENT_TABLES) })
const { lots, entries, violations } = await verifyLots(createDatabase<Database>(pool), settings)
await pool.end()
for (const violation of violations) console.log(violation)
console.log(`${lots} lots, ${entries} ledger entries, ${violations.length} violations`)
process.exitCode = violations.length === 0 ? 0 : 1
