import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Search } from '#src/domain/search.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface SavedSearch {
  id: string
  name: string
  filters: Record<string, unknown>
  createdAt: Date
}

export interface NewSavedSearch {
  id: string
  userId: string
  name: string
  /** The filters as sent, and as read. */
  filters: Record<string, unknown>
  search: Search
  /** The top of the subtree that `search` lists: the tree may grow. */
  categoryId: string | undefined
}

/** Whether a text has a word to search for. */
export async function hasWords(db: Kysely<Database>, text: string): Promise<boolean> {
  const { rows } = await sql<{ hasWords: boolean }>`
    select search_query(${text}) is not null as "hasWords"`.execute(db)
  return rows[0]?.hasWords === true
}

export type SaveOutcome =
  | { kind: 'saved'; search: SavedSearch }
  | { kind: 'too_many' }
  | { kind: 'exists'; id: string }

/** Saves a search, unless the user has it already or has too many. */
export async function insertSavedSearch(
  tx: Transaction<Database>,
  { id, userId, name, filters, search, categoryId }: NewSavedSearch,
  limit: number,
): Promise<SaveOutcome> {
  // One at a time for each user; otherwise two requests could both take the last place.
  await sql`select pg_advisory_xact_lock(hashtextextended(${userId}, ${ADVISORY_LOCKS.savedSearchesOfUser}))`.execute(
    tx,
  )
  const written = JSON.stringify(filters)
  const { rows } = await sql<{ id: string; same: boolean }>`
    select id, filters = ${written}::jsonb as same from saved_searches
    where user_id = ${userId} and deleted_at is null`.execute(tx)
  // The same search again would only notify twice.
  const same = rows.find((row) => row.same)
  if (same !== undefined) return { kind: 'exists', id: same.id }
  if (rows.length >= limit) return { kind: 'too_many' }
  const saved = await tx
    .insertInto('saved_searches')
    .values({
      id,
      user_id: userId,
      name,
      filters: written,
      statuses: [...search.statuses],
      category_id: categoryId ?? null,
      type: search.type ?? null,
      seller_id: search.sellerId ?? null,
      currency_code: search.currencyCode ?? null,
      min_price: search.minPrice ?? null,
      max_price: search.maxPrice ?? null,
      has_buy_now: search.hasBuyNow ?? null,
      attributes: JSON.stringify(search.attributes),
    })
    .returning(['id', 'name', 'filters', 'created_at as createdAt'])
    .executeTakeFirstOrThrow()
  return { kind: 'saved', search: saved }
}

/** A user's saved searches, the oldest first. */
export async function readSavedSearches(
  db: Kysely<Database>,
  userId: string,
): Promise<SavedSearch[]> {
  return db
    .selectFrom('saved_searches')
    .select(['id', 'name', 'filters', 'created_at as createdAt'])
    .where('user_id', '=', userId)
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .execute()
}

/** Deletes a saved search of this user; false when there is none. */
export async function deleteSavedSearch(
  db: Kysely<Database>,
  id: string,
  userId: string,
): Promise<boolean> {
  const { numUpdatedRows } = await markDeleted(db)
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Leaves a row that matches nothing, until its matches are deleted too. */
function markDeleted(db: Kysely<Database>) {
  return db
    .updateTable('saved_searches')
    .set({ deleted_at: sql<Date>`clock_timestamp()` })
    .set({ name: '-', filters: '{}', words: null, statuses: [] })
    .where('deleted_at', 'is', null)
}

/** Deletes the saved searches of deleted accounts. */
export async function deleteSavedSearchesOf(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  await markDeleted(tx).where('user_id', 'in', userIds).execute()
}
