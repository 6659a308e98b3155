import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { notFoundOrForbidden } from '#src/app/item/not-found-or-forbidden.ts'
import { itemErrors } from '#src/errors.ts'
import { deleteItem, lockOwnItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface DeleteDependencies {
  db: Kysely<Database>
  events: ItemEvents
}

/** Deletes a draft of the seller; an item that was ever public stays. */
export async function deleteDraft(
  { db, events }: DeleteDependencies,
  { itemId, sellerId, trace }: { itemId: string; sellerId: string; trace: Trace },
): Promise<void> {
  await outboxTransaction(db, async (tx) => {
    const read = await lockOwnItem(tx, itemId, sellerId)
    if (read === undefined) throw await notFoundOrForbidden(tx, itemId, itemErrors.deleteNotFound)
    if (read.item.status !== 'draft') throw itemErrors.deleteNotDraft({ status: read.item.status })
    await deleteItem(tx, itemId)
    // The row is deleted, so the sequence of its last event is counted here.
    const last = { ...read, eventSequence: read.eventSequence + 1n }
    await events.emit(tx, last, trace, [{ kind: 'deleted' }])
  })
}
