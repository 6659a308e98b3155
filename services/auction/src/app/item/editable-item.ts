import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { FastifyRequest } from 'fastify'
import type { Kysely, Transaction } from 'kysely'
import { type Item, isOpen } from '#src/domain/item.ts'
import { itemErrors } from '#src/errors.ts'
import { lockOwnItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { ItemEvents } from './item-events.ts'
import { notFoundOrForbidden } from './not-found-or-forbidden.ts'

export interface DescribeDependencies {
  db: Kysely<Database>
  events: ItemEvents
}

export interface DescribeCommand {
  itemId: string
  sellerId: string
  trace: Trace
}

/** What the caller of a bearer route wants with an item that they sell. */
export function describeCommandOf(
  { user, trace }: FastifyRequest,
  itemId: string,
): DescribeCommand {
  return { itemId, sellerId: user.id, trace }
}

/**
 * Locks the caller's item when it may be described: under bids a seller may only add (R-TERMS-4). Only
 * bids that are known here count: unlike terms, a description needs no verdict of the bid service.
 */
export async function lockEditableItem(
  tx: Transaction<Database>,
  itemId: string,
  sellerId: string,
  change: 'adds' | 'changes' = 'changes',
): Promise<Item> {
  const read = await lockOwnItem(tx, itemId, sellerId)
  if (read === undefined) throw await notFoundOrForbidden(tx, itemId, itemErrors.updateNotFound)
  const { status, bidCount } = read.item
  if (status !== 'draft' && !isOpen(status)) throw itemErrors.updateNotOpen({ status })
  if (bidCount > 0 && change !== 'adds') throw itemErrors.updateHasBids({ bidCount })
  return read.item
}
