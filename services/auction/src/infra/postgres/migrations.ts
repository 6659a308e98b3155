import { fileURLToPath } from 'node:url'
import { type MigrationSet, messagingMigrations } from '@auction/common/postgres/migrate.ts'

/** Everything auction's database is made of, in the order in which it is run. */
export const auctionMigrations: MigrationSet[] = [
  messagingMigrations,
  {
    name: 'auction',
    dir: fileURLToPath(new URL('../../../migrations', import.meta.url)),
  },
]
