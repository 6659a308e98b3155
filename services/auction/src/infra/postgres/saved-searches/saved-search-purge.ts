import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Deletes a batch of old matches; returns how many. */
export async function purgeMatches(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from saved_search_matches where (saved_search_id, item_id) in (
      select saved_search_id, item_id from saved_search_matches
      where matched_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by matched_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** Deletes a batch of matches of deleted searches; returns how many. */
export async function purgeMatchesOfDeleted(db: Kysely<Database>, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from saved_search_matches as matched using (
      select matched.saved_search_id, matched.item_id
      from (select id from saved_searches where deleted_at is not null
        order by deleted_at limit 100) as gone
      join saved_search_matches as matched on matched.saved_search_id = gone.id
      limit ${limit}) as gone
    where matched.saved_search_id = gone.saved_search_id and matched.item_id = gone.item_id`.execute(
    db,
  )
  return Number(numAffectedRows ?? 0n)
}

/** Deletes deleted searches that have no matches any more. */
export async function purgeDeletedSearches(db: Kysely<Database>, limit: number): Promise<void> {
  await sql`
    delete from saved_searches where id in (
      select id from saved_searches as search where deleted_at is not null
        and not exists (select from saved_search_matches where saved_search_id = search.id)
      order by deleted_at limit ${limit})`.execute(db)
}
