import { fileURLToPath } from 'node:url'
import { type MigrationSet, messagingMigrations } from '@auction/common/postgres/migrate.ts'

/** Every migration of this service's database, in order. */
export const MIGRATIONS: MigrationSet[] = [
  messagingMigrations,
  { name: 'bid', dir: fileURLToPath(new URL('../../../migrations', import.meta.url)) },
]
