import { withLineFeeds } from '@auction/common/text.ts'
import { CONTENT_FIELDS, type ContentField, type Item, type ItemContent, isOpen } from './item.ts'
import {
  type ListingInput,
  type ListingLimits,
  listingProblem,
  type Problem,
  readChanged,
  startProblem,
} from './listing.ts'

export type EditVerdict =
  | { readonly outcome: 'invalid'; readonly problem: Problem }
  | { readonly outcome: 'not_open' | 'has_bids' | 'unchanged' }
  | { readonly outcome: 'draft_changed' | 'appended'; readonly edit: Edit }
  | { readonly outcome: 'terms_changed'; readonly edit: Edit; readonly requiresNoBids: boolean }

/** The listing after an edit, and which of its fields differ from before. */
export interface Edit {
  readonly content: ItemContent
  readonly changedFields: readonly ContentField[]
}

/**
 * Decides on a seller's edit (R-TERMS-4): a draft may change freely; a published item in everything
 * but currency and type while there are no bids; afterwards only by a longer description and a lower
 * reserve. The read model may lag, so `terms_changed` still needs the verdict of the bid service.
 */
export function judgeEdit(
  item: Item,
  changes: Partial<ListingInput>,
  now: Date,
  limits: ListingLimits,
): EditVerdict {
  if (item.status !== 'draft' && !isOpen(item.status)) return { outcome: 'not_open' }
  const read = readChanged(item, changes)
  if (!read.ok) return invalid(read)
  const edit = editTo(item, read.content)
  const { content, changedFields } = edit
  if (changedFields.length === 0) return { outcome: 'unchanged' }
  const problem = fixedProblem(item, changedFields) ?? editProblem(edit, item, now, limits)
  if (problem !== undefined) return invalid(problem)
  if (item.status === 'draft') return { outcome: 'draft_changed', edit }
  const requiresNoBids = !changedFields.every((field) => isAllowedWithBids(item, content, field))
  if (requiresNoBids && item.bidCount > 0) return { outcome: 'has_bids' }
  if (!requiresNoBids && changedFields.every((field) => field === 'description')) {
    return { outcome: 'appended', edit }
  }
  return { outcome: 'terms_changed', edit, requiresNoBids }
}

/** The edit that leads from a listing to the given content. */
export function editTo(item: ItemContent, content: ItemContent): Edit {
  const changedFields = CONTENT_FIELDS.filter((field) => !isSame(item[field], content[field]))
  return { content, changedFields }
}

function isSame(left: ItemContent[ContentField], right: ItemContent[ContentField]): boolean {
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime()
  return left === right
}

function fixedProblem(item: Item, changed: readonly ContentField[]): Problem | undefined {
  if (item.status === 'draft') return undefined
  const fixed = changed.find((field) => field === 'currencyCode' || field === 'type')
  if (fixed !== undefined) return { field: fixed, reason: 'fixed_after_publish' }
  if (item.status === 'active' && changed.includes('startDate')) {
    return { field: 'startDate', reason: 'already_started' }
  }
  return undefined
}

function editProblem(
  { content, changedFields }: Edit,
  item: Item,
  now: Date,
  limits: ListingLimits,
): Problem | undefined {
  // A start that was valid when it was set stays valid: a draft may be renamed after it has passed.
  if (changedFields.includes('startDate')) {
    const problem = startProblem(content.startDate, now, limits)
    if (problem !== undefined) return problem
  }
  // As it stays valid to be reserved by a purchase when the operator offers that no more.
  const isReservingOffered =
    limits.isReservingOffered || !changedFields.includes('buyoutReservationMinutes')
  const problem = listingProblem(content, { ...limits, isReservingOffered })
  if (problem !== undefined) return problem
  const isEndPast = item.status !== 'draft' && content.endDate <= now
  if (isEndPast && changedFields.includes('endDate')) {
    return { field: 'endDate', reason: 'in_the_past' }
  }
  return undefined
}

function isAllowedWithBids(item: Item, content: ItemContent, field: ContentField): boolean {
  if (field === 'description') {
    return comparable(content.description).startsWith(comparable(item.description))
  }
  if (field !== 'reservePrice' || item.reservePrice === null) return false
  return content.reservePrice === null || content.reservePrice < item.reservePrice
}

/** What was stored by an earlier version may not be composed, and forms send other ends of lines than were stored. */
function comparable(description: string): string {
  return withLineFeeds(description.normalize('NFC'))
}

function invalid({ field, reason }: Problem): EditVerdict {
  return { outcome: 'invalid', problem: { field, reason } }
}
