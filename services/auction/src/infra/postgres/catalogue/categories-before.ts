import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

// A sale needs what was kept until a later instant, and nothing older.

/** Deletes a batch of the categories that items had until long ago. */
export async function purgeItemCategories(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<void> {
  await sql`
    delete from item_categories_before where (item_id, until) in (
      select item_id, until from item_categories_before
      where until < statement_timestamp() - make_interval(days => ${retentionDays})
      order by until limit ${limit} for update skip locked)`.execute(db)
}

/** Deletes a batch of the places that categories had in the tree until long ago. */
export async function purgePlaces(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<void> {
  await sql`
    delete from category_places_before where (category_id, until) in (
      select category_id, until from category_places_before
      where until < statement_timestamp() - make_interval(days => ${retentionDays})
      order by until limit ${limit} for update skip locked)`.execute(db)
}
