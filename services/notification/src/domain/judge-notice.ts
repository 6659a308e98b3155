import { type Channel, kindOf, type Template } from './notices.ts'
import { type Choice, isAlwaysSent } from './preferences.ts'

/** What is known of a notice's subject now. */
export interface NoticeFacts {
  readonly userId: string
  readonly template: Template
  readonly sequence: bigint
  /** Its user's account is gone. */
  readonly hasDeparted: boolean
  /** There is a later one of the same user, template and aggregate. */
  readonly hasLater: boolean
  /** The lot it is about, as far as its events have come. */
  readonly lot: LotFacts | undefined
}

export interface LotFacts {
  readonly sequence: bigint
  readonly leaderId: string | null
  readonly isClosed: boolean
}

/** Why a notice is no longer true. */
export type Untrue = 'departed' | 'superseded' | 'leads_again' | 'lot_closed'

/** Whether what a notice says is still so; undefined: it is. */
export function findUntrue(facts: NoticeFacts): Untrue | undefined {
  const { userId, template, sequence, hasDeparted, hasLater, lot } = facts
  if (hasDeparted) return 'departed'
  if (kindOf(template).isLatestOnly === true && hasLater) return 'superseded'
  if (template !== 'outbid') return undefined
  // What is known of the lot may be older than the notice, which is the news then.
  if (lot === undefined || lot.sequence <= sequence) return undefined
  if (lot.isClosed) return 'lot_closed'
  return lot.leaderId === userId ? 'leads_again' : undefined
}

export type NoticeVerdict =
  | { readonly outcome: 'shown'; readonly isSent: boolean }
  | { readonly outcome: 'dropped'; readonly reason: Untrue | 'outdated' }

/**
 * Whether a notice that is due is shown in the inbox, and whether it is sent as well (R-NOTICE-3). What is too old
 * is not sent; of that only what is about money is shown.
 */
export function judgeNotice(facts: NoticeFacts & { readonly isOutdated: boolean }): NoticeVerdict {
  const reason = findUntrue(facts)
  if (reason !== undefined) return { outcome: 'dropped', reason }
  if (!facts.isOutdated) return { outcome: 'shown', isSent: true }
  if (kindOf(facts.template).isMandatory === true) return { outcome: 'shown', isSent: false }
  return { outcome: 'dropped', reason: 'outdated' }
}

/** A delivery that is about to be sent. */
export interface DeliveryFacts extends NoticeFacts {
  readonly channel: Channel
  /** What its user chooses now. */
  readonly choice: Choice
  readonly isRead: boolean
  readonly now: Date
  readonly dueAt: Date
}

export type DeliveryReason = Untrue | 'outdated' | 'read' | 'switched_off'

const HOUR_MS = 3_600_000

/** Why a delivery is not sent after all (R-NOTICE-5); undefined: it is sent. */
export function judgeDelivery(facts: DeliveryFacts): DeliveryReason | undefined {
  const { template, channel, choice, isRead, now, dueAt } = facts
  const reason = findUntrue(facts)
  if (reason !== undefined) return reason
  const overdueMs = now.getTime() - dueAt.getTime()
  if (overdueMs > kindOf(template).outdatedHours * HOUR_MS) return 'outdated'
  if (isAlwaysSent(template, channel)) return undefined
  if (isRead) return 'read'
  return choice === 'off' ? 'switched_off' : undefined
}
