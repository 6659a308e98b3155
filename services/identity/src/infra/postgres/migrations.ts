import { fileURLToPath } from 'node:url'
import { type MigrationSet, messagingMigrations } from '@auction/common/postgres/migrate.ts'

/** Everything identity's database is made of, in the order in which it is run. */
export const identityMigrations: MigrationSet[] = [
  messagingMigrations,
  {
    name: 'identity',
    dir: fileURLToPath(new URL('../../../migrations', import.meta.url)),
  },
]
