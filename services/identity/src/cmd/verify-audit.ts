import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { type AuditHead, verifyAudit } from '#src/app/audit/verify-audit.ts'
import { readDatabaseConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const HELP = `npm run verify-audit                  works the chain out again from its first entry
npm run verify-audit -- COUNT:DIGEST  and looks whether a head that was noted is still in it`

const [argument] = readCommandLine({ help: HELP, wordsMax: 1 }).positionals
const noted = argument === undefined ? undefined : readHead(argument)
if (argument !== undefined && noted === undefined) {
  console.error(HELP)
  process.exit(2)
}
const config = readDatabaseConfig(process.env)
const log = createLogger(SERVICE.name, config.LOG_LEVEL)
const pool = createPool(config, { log, name: 'verify', max: 1 })
const { head, broken } = await verifyAudit(createDatabase<Database>(pool), noted)
await pool.end()
console.log(`${head.count} entries hold, head ${head.count}:${head.digest}`)
if (broken !== undefined) {
  console.log(`entry ${broken.sequence}: ${broken.reason}`)
  process.exitCode = 1
}

function readHead(text: string): AuditHead | undefined {
  const [, count, digest] = /^(\d{1,18}):([0-9a-f]{64})$/.exec(text) ?? []
  return count === undefined || digest === undefined ? undefined : { count: BigInt(count), digest }
}
