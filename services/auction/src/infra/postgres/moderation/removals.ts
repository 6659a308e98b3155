import { sql, type Transaction } from 'kysely'
import type { Item, ItemStatus } from '#src/domain/item.ts'
import { hasLot } from '#src/domain/moderation.ts'
import {
  clock,
  type Executor,
  type ReadItem,
  readItem,
  toReadItem,
} from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

type StoredTrace = { traceparent: string; traceId: string; correlationId: string }

export interface Removal {
  reason: string
  removedAt: Date
  statusBefore: ItemStatus
}

/** Why an item was removed; undefined when it is not. */
export async function readRemoval(db: Executor, itemId: string): Promise<Removal | undefined> {
  const row = await db
    .selectFrom('item_removals')
    .select(['reason', 'removed_at as removedAt', 'status_before as statusBefore'])
    .where('item_id', '=', itemId)
    .executeTakeFirst()
  return row
}

/** Hides a locked item. Terms that did not reach bid are not pushed any more. */
export async function hideItem(
  tx: Transaction<Database>,
  { item: { id, status } }: ReadItem,
  removal: { reason: string; actorId: string; trace: StoredTrace },
): Promise<ReadItem> {
  await tx
    .insertInto('item_removals')
    .values({
      item_id: id,
      reason: removal.reason,
      removed_by: removal.actorId,
      status_before: status,
      lot_state: hasLot(status) ? 'to_cancel' : 'none',
      trace: JSON.stringify(removal.trace),
    })
    .execute()
  return setStatus(tx, id, 'removed', 1)
}

/** Shows a locked item again. */
export async function showItem(
  tx: Transaction<Database>,
  id: string,
  status: ItemStatus,
  eventCount: number,
): Promise<ReadItem> {
  await tx.deleteFrom('item_removals').where('item_id', '=', id).execute()
  return setStatus(tx, id, status, eventCount)
}

async function setStatus(
  tx: Transaction<Database>,
  id: string,
  status: ItemStatus,
  eventCount: number,
): Promise<ReadItem> {
  const row = await tx
    .updateTable('items')
    .set({
      status,
      version: sql<number>`version + 1`,
      terms_applied_version: sql<number>`terms_version`,
      event_sequence: sql<bigint>`event_sequence + ${eventCount}`,
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', id)
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  return toReadItem(row)
}

/** Records that the lot of a removed item takes no bids any more. */
export async function markLotStopped(db: Executor, itemId: string): Promise<void> {
  await db
    .updateTable('item_removals')
    .set({ lot_state: 'done' })
    .where('item_id', '=', itemId)
    .where('lot_state', '=', 'to_cancel')
    .execute()
}

export interface LotToCancel {
  itemId: string
  item: Item
  trace: StoredTrace
}

/** Removed items whose lot is not confirmed to be cancelled, or one of them; marked as attempted. */
export async function takeLotsToCancel(
  db: Executor,
  idleMs: number,
  limit: number,
  only: string | undefined,
): Promise<LotToCancel[]> {
  const { rows } = await sql<{ itemId: string; trace: StoredTrace }>`
    with due as (
      select item_id from item_removals
      where lot_state = 'to_cancel'
        and attempted_at <= statement_timestamp() - make_interval(secs => ${idleMs / 1_000})
        and item_id = coalesce(${only ?? null}::uuid, item_id)
      order by attempted_at limit ${limit} for update skip locked
    )
    update item_removals r set attempted_at = clock_timestamp() from due
    where r.item_id = due.item_id
    returning r.item_id as "itemId", r.trace
  `.execute(db)
  const lots: LotToCancel[] = []
  for (const { itemId, trace } of rows) {
    const read = await readItem(db, itemId)
    if (read !== undefined) lots.push({ itemId, item: read.item, trace })
  }
  return lots
}
