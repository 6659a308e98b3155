import { sql, type Transaction } from 'kysely'
import { type ReadItem, readItems } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * Starts scheduled items whose time has come, by the database's clock, skipping those another
 * worker holds. An item with a pending change waits for its outcome: it may move the start.
 */
export async function startDueItems(tx: Transaction<Database>, limit: number): Promise<ReadItem[]> {
  const { rows } = await sql<{ id: string }>`
    with due as (
      select id from items i
      where status = 'scheduled' and start_date <= statement_timestamp()
        and not exists (select from terms_changes c where c.item_id = i.id)
      order by start_date limit ${limit} for update skip locked
    )
    update items i
    set status = 'active', event_sequence = event_sequence + 1, updated_at = clock_timestamp()
    from due where i.id = due.id returning i.id
  `.execute(tx)
  return rows.length === 0
    ? []
    : readItems(
        tx,
        rows.map(({ id }) => id),
      )
}
