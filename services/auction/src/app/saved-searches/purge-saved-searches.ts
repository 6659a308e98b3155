import type { Kysely } from 'kysely'
import {
  purgeDeletedSearches,
  purgeMatches,
  purgeMatchesOfDeleted,
} from '#src/infra/postgres/saved-searches/saved-search-purge.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// An item runs for a month. Later it comes up again only when a moderator restores it.
const RETENTION_DAYS = 180
// Some milliseconds of work each, so that matching never waits long.
const BATCH = 5_000
const BATCHES_MAX = 50

/** Deletes the rests of deleted searches, and matches of more than half a year ago. */
export async function purgeSavedSearches(db: Kysely<Database>, batch = BATCH): Promise<void> {
  for (let count = 0; count < BATCHES_MAX; count += 1) {
    const old = await purgeMatches(db, RETENTION_DAYS, batch)
    const deleted = await purgeMatchesOfDeleted(db, batch)
    await purgeDeletedSearches(db, batch)
    if (old < batch && deleted === 0) return
  }
}
