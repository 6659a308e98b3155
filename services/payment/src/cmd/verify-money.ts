import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { type LedgerHead, verifyMoney } from '#src/app/verify/verify-money.ts'
import { readDatabaseConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const HELP = `npm run verify-money                  compares the ledger, its seals, sales, invoices and deposits with each other
npm run verify-money -- COUNT:DIGEST  and looks whether a head that was noted is still in the chain`

const [argument] = readCommandLine({ help: HELP, wordsMax: 1 }).positionals
const noted = argument === undefined ? undefined : readHead(argument)
if (argument !== undefined && noted === undefined) {
  console.error(HELP)
  process.exit(2)
}
const config = readDatabaseConfig(process.env)
const log = createLogger(SERVICE.name, config.LOG_LEVEL)
const pool = createPool(config, { log, name: 'verify', max: 1, isPatient: true })
const { head, entries, sales, invoices, payouts, deposits, differences } = await verifyMoney(
  createDatabase<Database>(pool),
  {
    noted,
    report: (difference) => console.log(difference),
  },
)
await pool.end()
console.log(
  `${entries} entries, ${sales} sales, ${invoices} invoices, ${payouts} payouts, ${deposits} deposits, ${differences} differences`,
)
console.log(`head ${head.count}:${head.digest}`)
process.exitCode = differences === 0n ? 0 : 1

function readHead(text: string): LedgerHead | undefined {
  const [, count, digest] = /^(\d{1,18}):([0-9a-f]{64})$/.exec(text) ?? []
  return count === undefined || digest === undefined ? undefined : { count: BigInt(count), digest }
}
