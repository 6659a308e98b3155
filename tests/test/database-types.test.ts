import { readFile } from 'node:fs/promises'
import t from 'tap'
import {
  databaseTypesFile,
  generateDatabaseTypes,
  servicesWithDatabase,
} from '#src/database-types.ts'

t.test('the table types of every service are those of its migrations', async (t) => {
  const services = servicesWithDatabase()
  t.ok(services.length >= 3)
  for (const service of services) {
    const file = databaseTypesFile(service)
    const checkedIn = await readFile(file, 'utf8').catch(() => 'no such file')
    const generated = await generateDatabaseTypes(t, service)
    t.equal(checkedIn, generated, `${file}: run "npm run db:types" and commit what it writes`)
  }
})
