import { isTransient, isUnavailable, ServiceError } from '@auction/common/http/errors.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Transaction } from 'kysely'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { editTo } from '#src/domain/edit.ts'
import type { Item, ItemContent } from '#src/domain/item.ts'
import { type ListingInput, readChanged } from '#src/domain/listing.ts'
import { lockOwnItem, type ReadItem, updateItem } from '#src/infra/postgres/item/items.ts'
import { deletePendingChange, type PendingChange } from '#src/infra/postgres/lot-terms/terms.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lotTerms } from './item-terms.ts'
import type { PushDependencies } from './push-terms.ts'
import type { TermsOutcome } from './terms-client.ts'

export interface FinishDependencies extends PushDependencies {
  events: ItemEvents
}

export type FinishResult =
  | { kind: 'applied'; read: ReadItem }
  | { kind: 'unknown' | 'finished_elsewhere' }
  | Extract<TermsOutcome, { kind: 'refused' }>

/**
 * Asks the bid service for its verdict on a pending change and carries it out. The request calls
 * this, and the sweeper does when the outcome was unknown; the same version again is harmless.
 * `content` is the listing after the change, as validated.
 */
export async function finishChange(
  dependencies: FinishDependencies,
  change: PendingChange,
  item: Item,
  content: ItemContent,
): Promise<FinishResult> {
  const { db, events, terms, log } = dependencies
  const { itemId, termsVersion, trace, requiresNoBids } = change
  let verdict: TermsOutcome
  try {
    const wire = lotTerms(item, content, termsVersion)
    verdict = await terms.apply(requiresNoBids ? { ...wire, requiresNoBids } : wire, trace)
  } catch (error) {
    if (!(error instanceof ServiceError) && !isUnavailable(error)) throw error
    log.warn({ err: error, itemId, termsVersion }, 'terms change unconfirmed, will be finished')
    return { kind: 'unknown' }
  }
  const carryOut = async (tx: Transaction<Database>): Promise<FinishResult> => {
    const current = await lockOwnItem(tx, itemId, item.sellerId)
    if (current === undefined || !(await deletePendingChange(tx, change))) {
      return { kind: 'finished_elsewhere' }
    }
    if (verdict.kind === 'refused') return verdict
    const { changedFields } = editTo(current.item, content)
    const read = await updateItem(tx, itemId, {
      content,
      termsVersion,
      isApplied: true,
      eventCount: 1,
    })
    await events.emit(tx, read, trace, [{ kind: 'updated', changedFields }])
    return { kind: 'applied', read }
  }
  try {
    return await outboxTransaction(db, carryOut)
  } catch (error) {
    if (!isTransient(error) && !isUnavailable(error)) throw error
    // Bid has applied it: its seller must not be answered that nothing was done.
    log.warn({ err: error, itemId, termsVersion }, 'terms change not recorded, will be finished')
    return { kind: 'unknown' }
  }
}

/**
 * The content after a stored change. No other edit is possible while one is pending, so this is what
 * the request validated.
 */
export function contentAfter(item: Item, change: PendingChange): ItemContent {
  const read = readChanged(item, change.changes as Partial<ListingInput>)
  if (!read.ok) throw new Error(`a recorded change became invalid: ${read.field} ${read.reason}`)
  return read.content
}
