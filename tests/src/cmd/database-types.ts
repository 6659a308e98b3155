import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { startInfrastructure } from '@auction/local/infrastructure.ts'
import { removePostgresData } from '@auction/local/postgres.ts'
import {
  databaseTypesFile,
  generateDatabaseTypes,
  servicesWithDatabase,
} from '#src/database-types.ts'

readCommandLine({
  help: `npm run db:types

Writes the types of tables of every service from its migrations, with a PostgreSQL of its own
unless TEST_POSTGRES_URL names one.`,
})

const steps: (() => unknown)[] = []
const teardown = (step: () => unknown) => steps.unshift(step)

if (process.env.TEST_POSTGRES_URL === undefined) {
  const stateDir = mkdtempSync(join(tmpdir(), 'auction-db-types-'))
  const infrastructure = await startInfrastructure({ stateDir })
  teardown(async () => {
    await infrastructure.stop()
    removePostgresData(stateDir)
    rmSync(stateDir, { recursive: true, force: true })
  })
  await infrastructure.postgresReady
  process.env.TEST_POSTGRES_URL = infrastructure.postgres.adminUrl
}
try {
  for (const service of servicesWithDatabase()) {
    const file = databaseTypesFile(service)
    await writeFile(file, await generateDatabaseTypes({ teardown }, service))
    console.log(`${relative(process.cwd(), file)} written`)
  }
} finally {
  for (const step of steps) await step()
}
