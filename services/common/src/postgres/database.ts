import { Kysely, PostgresDialect } from 'kysely'
import type { Pool } from 'pg'

/** Typed queries over the pool; ending the pool is its owner's business. */
export function createDatabase<DB>(pool: Pool): Kysely<DB> {
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
}
