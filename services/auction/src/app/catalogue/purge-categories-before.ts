import type { Kysely } from 'kysely'
import {
  purgeItemCategories,
  purgePlaces,
} from '#src/infra/postgres/catalogue/categories-before.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// Order asks seconds after a sale, and after an outage of a week days after it. A message that an operator redrives is younger than the 30 days
// of the inbox, and order may have been restored from a backup. Three times that is far above, and by then an order is paid or cancelled.
const RETENTION_DAYS = 90
const BATCH = 5_000

/** Deletes what was kept of categories for sales that no one asks about any more. */
export async function purgeCategoriesBefore(db: Kysely<Database>): Promise<void> {
  await purgeItemCategories(db, RETENTION_DAYS, BATCH)
  await purgePlaces(db, RETENTION_DAYS, BATCH)
}
