import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** The trace of a request, stored with work that outlives the request. */
export interface StoredTrace {
  traceparent: string
  traceId: string
  correlationId: string
}

/** An edit that the bid service has yet to accept or refuse. */
export interface PendingChange {
  itemId: string
  termsVersion: number
  changes: Record<string, unknown>
  requiresNoBids: boolean
  trace: StoredTrace
}

/** Records the intent. False when another change of the item is pending. */
export async function insertPendingChange(
  tx: Transaction<Database>,
  change: PendingChange,
): Promise<boolean> {
  const result = await tx
    .insertInto('terms_changes')
    .values({
      item_id: change.itemId,
      terms_version: change.termsVersion,
      changes: JSON.stringify(change.changes),
      requires_no_bids: change.requiresNoBids,
      trace: JSON.stringify(change.trace),
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** True while a change of the item is pending. */
export async function hasPendingChange(
  tx: Transaction<Database>,
  itemId: string,
): Promise<boolean> {
  const row = await tx
    .selectFrom('terms_changes')
    .select('item_id')
    .where('item_id', '=', itemId)
    .executeTakeFirst()
  return row !== undefined
}

/** Deletes the intent. False when another process finished it first. */
export async function deletePendingChange(
  tx: Transaction<Database>,
  { itemId, termsVersion }: Pick<PendingChange, 'itemId' | 'termsVersion'>,
): Promise<boolean> {
  const result = await tx
    .deleteFrom('terms_changes')
    .where('item_id', '=', itemId)
    .where('terms_version', '=', termsVersion)
    .executeTakeFirst()
  return result.numDeletedRows === 1n
}

/** Intents whose last attempt is `idleMs` old; marked as attempted, so that replicas do not share one. */
export async function takePendingChanges(
  db: Kysely<Database>,
  idleMs: number,
  limit: number,
): Promise<PendingChange[]> {
  const { rows } = await sql<PendingChange>`
    with due as (
      select item_id from terms_changes
      where attempted_at <= statement_timestamp() - make_interval(secs => ${idleMs / 1_000})
      order by attempted_at limit ${limit} for update skip locked
    )
    update terms_changes c set attempted_at = clock_timestamp() from due
    where c.item_id = due.item_id
    returning c.item_id as "itemId", c.terms_version as "termsVersion", c.changes,
      c.requires_no_bids as "requiresNoBids", c.trace
  `.execute(db)
  return rows
}

/** Published items whose terms the bid service may not have; marked as attempted. */
export async function takeUnpushedItems(
  db: Kysely<Database>,
  idleMs: number,
  limit: number,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with due as (
      select id from items
      where terms_applied_version < terms_version
        and terms_attempted_at <= statement_timestamp() - make_interval(secs => ${idleMs / 1_000})
      order by terms_attempted_at limit ${limit} for update skip locked
    )
    update items i set terms_attempted_at = clock_timestamp() from due
    where i.id = due.id returning i.id
  `.execute(db)
  return rows.map(({ id }) => id)
}

/** Records the terms version that the bid service has. */
export async function markTermsApplied(
  db: Kysely<Database>,
  itemId: string,
  termsVersion: number,
): Promise<void> {
  await db
    .updateTable('items')
    .set({ terms_applied_version: termsVersion })
    .where('id', '=', itemId)
    .where('terms_applied_version', '<', termsVersion)
    .execute()
}
