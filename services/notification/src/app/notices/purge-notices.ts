import type { Kysely } from 'kysely'
import { purgeItems } from '#src/infra/postgres/items/items.ts'
import { purgeLots } from '#src/infra/postgres/lots/lots.ts'
import { purgeNotices } from '#src/infra/postgres/notices/due-notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// Longer than an event can wait in a queue of dead letters.
const LOTS_RETENTION_DAYS = 90
const ITEMS_RETENTION_DAYS = 365
// Some milliseconds of work each, so that dispatching never waits long.
const BATCH = 1_000
const BATCHES_MAX = 50

/** Deletes notices with their deliveries, closed lots and items, each when its time is over. */
export async function purgeOldNotices(
  db: Kysely<Database>,
  retentionDays: number,
  batch = BATCH,
): Promise<void> {
  await inBatches(batch, () => purgeNotices(db, retentionDays, batch))
  await inBatches(batch, () => purgeLots(db, LOTS_RETENTION_DAYS, batch))
  await inBatches(batch, () => purgeItems(db, ITEMS_RETENTION_DAYS, batch))
}

async function inBatches(batch: number, deleteSome: () => Promise<number>): Promise<void> {
  for (let count = 0; count < BATCHES_MAX; count += 1) {
    if ((await deleteSome()) < batch) return
  }
}
