import { defineService } from '@auction/common/process/service.ts'
import { createTestDatabase, type Teardown } from '@auction/common/testing/database.ts'
import type { Pool } from 'pg'

/** Empty databases of services, as a check after a run under faults reads them. */
export async function createDatabases(t: Teardown, names: readonly string[]) {
  const pools = new Map<string, Pool>()
  const urls = new Map<string, string>()
  for (const name of names) {
    const entry = new URL(`../../services/${name}/src/service.ts`, import.meta.url)
    const { pool, config } = await createTestDatabase(t, defineService(name, entry.href).migrations)
    const url = new URL(String(process.env.TEST_POSTGRES_URL))
    url.pathname = config.POSTGRES_DATABASE
    pools.set(name, pool)
    urls.set(name, url.href)
  }
  const poolOf = (name: string) => pools.get(name) as Pool
  return {
    poolOf,
    url: (name: string) => urls.get(name) ?? '',
    query: async (name: string, text: string, values: unknown[] = []) =>
      (await poolOf(name).query(text, values)).rows,
  }
}

export type Databases = Awaited<ReturnType<typeof createDatabases>>
