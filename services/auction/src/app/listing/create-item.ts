import { newId } from '@auction/common/ids.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import {
  type ListingInput,
  type ListingLimits,
  listingProblem,
  readListing,
  startProblem,
} from '#src/domain/listing.ts'
import { itemErrors } from '#src/errors.ts'
import { insertItem, type ReadItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface CreateDependencies {
  db: Kysely<Database>
  events: ItemEvents
  limits: ListingLimits
}

export interface CreateCommand {
  sellerId: string
  input: ListingInput
  trace: Trace
}

/** Stores a draft. Throws item.create.validation_failed naming the field. */
export async function createItem(
  { db, events, limits }: CreateDependencies,
  { sellerId, input, trace }: CreateCommand,
): Promise<ReadItem> {
  const listing = readListing(input)
  if (!listing.ok) throw itemErrors.createInvalid({ field: listing.field, reason: listing.reason })
  const { content } = listing
  return outboxTransaction(db, async (tx) => {
    const now = await readClock(tx)
    const problem = startProblem(content.startDate, now, limits) ?? listingProblem(content, limits)
    if (problem !== undefined) throw itemErrors.createInvalid({ ...problem })
    const read = await insertItem(tx, newId(), sellerId, content, 1)
    await events.emit(tx, read, trace, [{ kind: 'created' }])
    return read
  })
}
