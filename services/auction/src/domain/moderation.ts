import type { Item, ItemStatus } from './item.ts'
import { optionalText, TEXTS, writtenText } from './texts.ts'

/** Reasons of users; the worker reports with `words`. */
export const REPORT_REASONS = [
  'counterfeit',
  'prohibited',
  'misleading',
  'offensive',
  'spam',
  'other',
] as const
export type ReportReason = (typeof REPORT_REASONS)[number] | 'words'
export type ReportState = 'open' | 'upheld' | 'dismissed'

export type ModerationAction =
  | 'item_removed'
  | 'item_restored'
  | 'comment_removed'
  | 'comment_restored'
  | 'report_dismissed'

/** A user may send this many reports in REPORT_WINDOW_MINUTES. */
export const REPORTS_MAX = 20
export const REPORT_WINDOW_MINUTES = 10

/** A note in composed form without outer blanks, or undefined when it cannot be kept. */
export function readNote(text: string): string | undefined {
  return optionalText(text, TEXTS.reportNote)
}

/** The same for a reason, which must say something. */
export function readReason(text: string): string | undefined {
  return writtenText(text, TEXTS.reason)
}

/** True while bid has, or may yet get, a lot of this item that takes bids. */
export function hasLot(status: ItemStatus): boolean {
  return status === 'scheduled' || status === 'active' || status === 'reserved'
}

/**
 * The status of a removed item when it is restored: the one before, or the result of its end when it
 * ended meanwhile. Undefined until bid has reported that end.
 */
export function restoredStatus(
  before: ItemStatus,
  { outcome, buyerId }: Pick<Item, 'outcome' | 'buyerId'>,
): ItemStatus | undefined {
  if (!hasLot(before) && before !== 'ended') return before
  switch (outcome) {
    case null:
      return undefined
    case 'cancelled':
      return 'cancelled'
    case 'sold':
    case 'bought_now':
      return buyerId === null ? 'ended' : 'sold'
    default:
      return 'expired'
  }
}
