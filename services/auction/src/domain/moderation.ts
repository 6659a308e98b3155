import type { Item, ItemStatus } from './item.ts'

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

const TEXT_LENGTH_MAX = 1_000
const BLANK = /^[\p{C}\p{Z}]*$/u

/** A reason or note in composed form without outer blanks, or undefined when it cannot be kept. */
export function readNote(text: string): string | undefined {
  const note = text.normalize('NFC').trim()
  if (note.includes('\0') || !note.isWellFormed()) return undefined
  return [...note].length <= TEXT_LENGTH_MAX ? note : undefined
}

/** The same for a reason that must be given: a blank one is undefined too. */
export function readReason(text: string): string | undefined {
  const reason = readNote(text)
  return reason === undefined || BLANK.test(reason) ? undefined : reason
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
