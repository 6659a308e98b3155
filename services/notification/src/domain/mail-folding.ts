import { kindOf, type NoticeData, type Template } from './notices.ts'

/** A lot that ends so soon leaves no time to wait with a mail about it. */
const LAST_MINUTES = 10
/** Between two mails that may wait. */
export const FOLD_SECONDS = 300
/** So many notices are in one mail; the inbox has the others. */
export const ENTRIES_MAX = 30

const MINUTE_MS = 60_000

/**
 * Whether a notice has a mail of its own, at once: money depends on it, or its user can do something for a few more
 * minutes only. All others of a user are put into one mail, and the next of these waits five minutes.
 */
export function isMailedAlone(
  { template, data }: { readonly template: Template; readonly data: NoticeData },
  now: Date,
): boolean {
  if (kindOf(template).isMandatory === true) return true
  if (template !== 'outbid' || data.endDate === undefined) return false
  const leftMs = new Date(data.endDate).getTime() - now.getTime()
  return leftMs > 0 && leftMs < LAST_MINUTES * MINUTE_MS
}
