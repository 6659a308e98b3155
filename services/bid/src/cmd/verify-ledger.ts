import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { readVerifyConfig } from '#src/config.ts'
import { parseTables } from '#src/domain/increments.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

readCommandLine({
  help: `node src/cmd/verify-ledger.ts

Computes every lot again from its ledger and prints what does not agree. It reads the settings of the
bid worker (POSTGRES_…).`,
})
const config = readVerifyConfig(process.env)
const log = createLogger(SERVICE.name, config.LOG_LEVEL)
const pool = createPool(config, { log, name: 'verify', max: 1, isPatient: true })
const settings = createBidSettings({ increments: parseTables(config.BID_INCREMENT_TABLES) })
const { lots, entries, violations } = await verifyLots(createDatabase<Database>(pool), settings)
await pool.end()
for (const violation of violations) console.log(violation)
console.log(`${lots} lots, ${entries} ledger entries, ${violations.length} violations`)
process.exitCode = violations.length === 0 ? 0 : 1
