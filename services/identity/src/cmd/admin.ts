import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { hastenDeletion } from '#src/app/leaving/hasten-deletion.ts'
import { appointAdmin } from '#src/app/operators/appoint-admin.ts'
import { readDatabaseConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const HELP = `npm run admin -- grant EMAIL  makes an account an admin, who can appoint others
npm run admin -- erase EMAIL  deletes an account that its owner has closed now, without the days of grace`

const [name, email] = readCommandLine({ help: HELP, wordsMax: 2 }).positionals
if ((name !== 'grant' && name !== 'erase') || email === undefined) {
  console.error(HELP)
  process.exit(2)
}
const config = readDatabaseConfig(process.env)
const log = createLogger(SERVICE.name, config.LOG_LEVEL)
const pool = createPool(config, { log, name: 'admin', max: 1 })
try {
  process.exitCode = (await (name === 'grant' ? grant(email) : erase(email))) ? 0 : 1
} finally {
  await pool.end()
}

async function grant(address: string): Promise<boolean> {
  switch (await appointAdmin(createDatabase<Database>(pool), address, ownTrace('admin granted'))) {
    case 'appointed':
      console.log(`${address} is an admin now; a new login carries it at once.`)
      return true
    case 'admin_already':
      console.log(`${address} is an admin already; nothing was done.`)
      return true
    case 'suspended':
      console.error(`${address} is suspended; nothing was done.`)
      return false
    case 'deleting':
      console.error(
        `${address} was closed by its owner and waits to be deleted; nothing was done. A login can keep it.`,
      )
      return false
    case 'unknown':
      console.error(`There is no account ${address}.`)
      return false
  }
}

async function erase(address: string): Promise<boolean> {
  switch (await hastenDeletion(createDatabase<Database>(pool), address)) {
    case 'hastened':
      console.log(
        `${address} is deleted within minutes. If its owner owes something, it is opened again instead.`,
      )
      return true
    case 'not_closed':
      console.error(`${address} was not closed by its owner; nothing was done.`)
      return false
    case 'unknown':
      console.error(`There is no account ${address}.`)
      return false
  }
}
