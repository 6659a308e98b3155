import { newId } from '@auction/common/ids.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import {
  type ListingInput,
  type ListingLimits,
  listingProblem,
  readListing,
  startProblem,
} from '#src/domain/listing.ts'
import { itemErrors } from '#src/errors.ts'
import {
  type Executor,
  insertItem,
  type ReadItem,
  readItem,
} from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { claimImport, readImport } from '#src/infra/postgres/spreadsheets/item-imports.ts'

// Imports keep their keys in the same table, and no key of a caller has a slash.
const KEY_PREFIX = 'create/'
// Under which older versions keep them; an import can have such a key too.
const OLDER_KEY_PREFIX = 'create:'
// A form that was filled in again names other times; it is the same form.
const NOT_COMPARED = '0'.repeat(64)

export interface CreateDependencies {
  db: Kysely<Database>
  events: ItemEvents
  limits: ListingLimits
}

export interface CreateCommand {
  sellerId: string
  input: ListingInput
  /** The same key gives the same draft, whatever else is sent. */
  key: string | undefined
  trace: Trace
}

/**
 * Stores a draft, once for each key of its seller, also when two requests run at once. Throws
 * item.create.validation_failed naming the field.
 */
export async function createItem(
  { db, events, limits }: CreateDependencies,
  { sellerId, input, key, trace }: CreateCommand,
): Promise<ReadItem> {
  const by = key === undefined ? undefined : { sellerId, key }
  // Before the input is judged: a start that was valid then may be in the past now.
  const known = by === undefined ? undefined : await readKnown(db, by)
  if (known !== undefined) return known
  const listing = readListing(input)
  if (!listing.ok) throw itemErrors.createInvalid({ field: listing.field, reason: listing.reason })
  const { content } = listing
  return outboxTransaction(db, async (tx) => {
    const now = await readClock(tx)
    const problem = startProblem(content.startDate, now, limits) ?? listingProblem(content, limits)
    if (problem !== undefined) throw itemErrors.createInvalid({ ...problem })
    const id = newId()
    if (by !== undefined && !(await claimKey(tx, by, id))) {
      const rival = await readKnown(tx, by)
      if (rival === undefined) throw new Error('a draft was neither created nor found')
      return rival
    }
    const read = await insertItem(tx, id, sellerId, content, 1)
    await events.emit(tx, read, trace, [{ kind: 'created' }])
    return read
  })
}

interface SellerKey {
  sellerId: string
  key: string
}

/** False when another request has created a draft under this key. */
function claimKey(
  tx: Transaction<Database>,
  { sellerId, key }: SellerKey,
  itemId: string,
): Promise<boolean> {
  const claim = { bodyHash: NOT_COMPARED, itemIds: [itemId] }
  return claimImport(tx, { ...claim, sellerId, key: `${KEY_PREFIX}${key}` })
}

/** The draft that was created under this key. */
async function readKnown(
  db: Executor,
  { sellerId, key }: SellerKey,
): Promise<ReadItem | undefined> {
  const known =
    (await readImport(db, { sellerId, key: `${KEY_PREFIX}${key}` })) ??
    (await readImport(db, { sellerId, key: `${OLDER_KEY_PREFIX}${key}` }))
  if (known?.bodyHash !== NOT_COMPARED) return undefined
  const read = await readItem(db, known.itemIds[0] ?? '')
  // It was deleted meanwhile, and does not come back by what was sent for it.
  if (read === undefined) throw itemErrors.createKeyReused()
  return read
}
