import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import { notFoundOrForbidden } from '#src/app/item/not-found-or-forbidden.ts'
import { type FinishDependencies, finishChange } from '#src/app/lot-terms/finish-change.ts'
import { pushTerms } from '#src/app/lot-terms/push-terms.ts'
import { judgeEdit } from '#src/domain/edit.ts'
import type { Item, ItemContent } from '#src/domain/item.ts'
import type { ListingInput, ListingLimits } from '#src/domain/listing.ts'
import { itemErrors } from '#src/errors.ts'
import { lockOwnItem, type ReadItem, updateItem } from '#src/infra/postgres/item/items.ts'
import {
  hasPendingChange,
  insertPendingChange,
  type PendingChange,
} from '#src/infra/postgres/lot-terms/terms.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface EditDependencies extends FinishDependencies {
  limits: ListingLimits
}

export interface EditCommand {
  itemId: string
  sellerId: string
  /** Absent fields stay as they are; null clears an optional one. */
  changes: Partial<ListingInput>
  /** The version the seller saw; refused when there is a newer one. */
  version: number | undefined
  trace: Trace
}

type Step =
  | { kind: 'done' | 'push'; read: ReadItem }
  | { kind: 'pending'; change: PendingChange; item: Item; content: ItemContent }

/**
 * Edits an item. A draft changes at once. The terms of a published item change only when the bid
 * service agrees under the lot's lock. The intent is committed first, so an edit that is interrupted
 * is finished later, and an edit and a first bid never both succeed.
 */
export async function editItem(
  dependencies: EditDependencies,
  command: EditCommand,
): Promise<ReadItem> {
  const step = await outboxTransaction(dependencies.db, (tx) => decide(tx, dependencies, command))
  switch (step.kind) {
    case 'done':
      return step.read
    case 'push':
      await pushTerms(dependencies, step.read.item, command.trace)
      return step.read
    case 'pending':
      return confirm(dependencies, step)
  }
}

async function decide(
  tx: Transaction<Database>,
  { events, limits }: EditDependencies,
  { itemId, sellerId, changes, version, trace }: EditCommand,
): Promise<Step> {
  const read = await lockOwnItem(tx, itemId, sellerId)
  if (read === undefined) throw await notFoundOrForbidden(tx, itemId, itemErrors.updateNotFound)
  const { item, now } = read
  if (await hasPendingChange(tx, itemId)) throw itemErrors.updateInProgress()
  if (version !== undefined && version !== item.version) {
    throw itemErrors.updateVersionConflict({ version: item.version })
  }
  const verdict = judgeEdit(item, changes, now, limits)
  switch (verdict.outcome) {
    case 'invalid':
      throw itemErrors.updateInvalid({ ...verdict.problem })
    case 'not_open':
      throw itemErrors.updateNotOpen({ status: item.status })
    case 'has_bids':
      throw itemErrors.updateHasBids({ bidCount: item.bidCount })
    case 'unchanged':
      return { kind: 'done', read }
    case 'draft_changed':
    case 'appended': {
      const { content, changedFields } = verdict.edit
      const isDraft = verdict.outcome === 'draft_changed'
      const updated = await updateItem(tx, itemId, {
        content,
        ...(isDraft ? {} : { termsVersion: item.termsVersion + 1 }),
        eventCount: 1,
      })
      await events.emit(tx, updated, trace, [{ kind: 'updated', changedFields }])
      return { kind: isDraft ? 'done' : 'push', read: updated }
    }
    case 'terms_changed': {
      const change: PendingChange = {
        itemId,
        termsVersion: item.termsVersion + 1,
        changes: { ...changes },
        requiresNoBids: verdict.requiresNoBids,
        trace,
      }
      if (!(await insertPendingChange(tx, change))) throw itemErrors.updateInProgress()
      return { kind: 'pending', change, item, content: verdict.edit.content }
    }
  }
}

async function confirm(
  dependencies: EditDependencies,
  { change, item, content }: Extract<Step, { kind: 'pending' }>,
): Promise<ReadItem> {
  const result = await finishChange(dependencies, change, item, content)
  switch (result.kind) {
    case 'applied':
      return result.read
    case 'unknown':
      throw itemErrors.updateUnavailable()
    case 'finished_elsewhere':
      throw itemErrors.updateInProgress()
    case 'refused':
      if (result.reason === 'has_bids') throw itemErrors.updateHasBids()
      if (result.reason === 'not_active') throw itemErrors.updateNotOpen()
      if (result.reason === 'stale_terms') throw itemErrors.updateVersionConflict()
      throw itemErrors.updateInvalid({ field: '', reason: 'refused_by_bidding' })
  }
}
