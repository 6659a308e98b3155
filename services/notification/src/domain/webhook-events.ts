import type { NewNotice, NoticeData, Template } from './notices.ts'

/** What users' programs are sent. A new form of one is another type, `….v2`, beside it. */
export const WEBHOOK_EVENT_TYPES = [
  'bid.outbid.v1',
  'bid.won.v1',
  'bid.lost.v1',
  'bid.unsold.v1',
  'item.sold.v1',
  'item.unsold.v1',
  'item.removed.v1',
  'item.held.v1',
  'item.released.v1',
  'item.relisted.v1',
  'offer.made.v1',
  'offer.withdrawn.v1',
  'offer.accepted.v1',
  'offer.declined.v1',
  'offer.expired.v1',
  'deposit.held.v1',
  'deposit.expiring.v1',
  'deposit.released.v1',
  'deposit.captured.v1',
  'order.due.v1',
  'order.reminder.v1',
  'order.overdue.v1',
  'order.paid.v1',
  'order.to_ship.v1',
  'order.shipped.v1',
  'purchase.cancelled.v1',
  'sale.cancelled.v1',
  'order.reopened.v1',
  'order.disputed.v1',
  'purchase.resolved.v1',
  'sale.resolved.v1',
  'payout.sent.v1',
  'payout.failed.v1',
  'payout.account_restricted.v1',
  'payout.account_needed.v1',
  'item.question.v1',
  'item.answer.v1',
  'search.matched.v1',
  'watch.relisted.v1',
] as const

export type WebhookEventType = (typeof WEBHOOK_EVENT_TYPES)[number]

/** Sent when the owner of an endpoint asks for it, whatever its filter is. */
export const TEST_EVENT = 'test.v1'

/** The most characters of a body; what a notice knows is far less. */
export const PAYLOAD_CHARACTERS_MAX = 20_000

interface Published {
  readonly type: WebhookEventType
  /** What of a notice's data is in the event; the rest stays here. */
  readonly fields: readonly (keyof NoticeData)[]
}

const ITEM = ['itemId', 'itemName'] as const
const MONEY = ['currencyCode', 'amount'] as const
const ORDER = ['orderId', ...ITEM] as const
const OWED = [...ORDER, 'currencyCode', 'amount'] as const
const PRICED = [...ITEM, 'currencyCode', 'amount'] as const
const OFFERED = ['offerId', ...PRICED] as const

/**
 * What is published of each notice. A notice of an endpoint itself is never sent by webhook: an alert must
 * not use what is broken.
 */
const PUBLISHED = {
  outbid: { type: 'bid.outbid.v1', fields: [...PRICED, 'minNextBid', 'endDate'] },
  won: { type: 'bid.won.v1', fields: PRICED },
  lost: { type: 'bid.lost.v1', fields: PRICED },
  lot_unsold: { type: 'bid.unsold.v1', fields: ITEM },
  sold: { type: 'item.sold.v1', fields: PRICED },
  unsold: { type: 'item.unsold.v1', fields: ITEM },
  item_removed: { type: 'item.removed.v1', fields: [...ITEM, 'reason'] },
  reserved: { type: 'item.held.v1', fields: [...PRICED, 'endDate'] },
  released: { type: 'item.released.v1', fields: [...ITEM, 'endDate'] },
  relisted: { type: 'item.relisted.v1', fields: [...ITEM, 'endDate'] },
  offer_made: { type: 'offer.made.v1', fields: [...OFFERED, 'endDate'] },
  offer_withdrawn: { type: 'offer.withdrawn.v1', fields: OFFERED },
  offer_accepted: { type: 'offer.accepted.v1', fields: OFFERED },
  offer_declined: { type: 'offer.declined.v1', fields: OFFERED },
  offer_expired: { type: 'offer.expired.v1', fields: OFFERED },
  deposit_held: { type: 'deposit.held.v1', fields: [...PRICED, 'endDate'] },
  deposit_expiring: { type: 'deposit.expiring.v1', fields: [...PRICED, 'endDate'] },
  deposit_released: { type: 'deposit.released.v1', fields: [...PRICED, 'reason'] },
  deposit_captured: { type: 'deposit.captured.v1', fields: OWED },
  order_due: { type: 'order.due.v1', fields: [...OWED, 'endDate'] },
  order_reminder: { type: 'order.reminder.v1', fields: [...OWED, 'endDate'] },
  order_overdue: { type: 'order.overdue.v1', fields: [...OWED, 'endDate'] },
  order_paid: { type: 'order.paid.v1', fields: OWED },
  order_to_ship: { type: 'order.to_ship.v1', fields: OWED },
  order_shipped: { type: 'order.shipped.v1', fields: ORDER },
  purchase_cancelled: { type: 'purchase.cancelled.v1', fields: [...ORDER, 'reason'] },
  sale_cancelled: { type: 'sale.cancelled.v1', fields: [...ORDER, 'reason'] },
  order_reopened: { type: 'order.reopened.v1', fields: [...OWED, 'endDate'] },
  order_disputed: { type: 'order.disputed.v1', fields: [...ORDER, 'reason'] },
  purchase_resolved: { type: 'purchase.resolved.v1', fields: [...OWED, 'reason'] },
  sale_resolved: { type: 'sale.resolved.v1', fields: [...OWED, 'reason'] },
  payout_sent: { type: 'payout.sent.v1', fields: MONEY },
  payout_failed: { type: 'payout.failed.v1', fields: MONEY },
  payout_account_restricted: { type: 'payout.account_restricted.v1', fields: [] },
  payout_account_needed: { type: 'payout.account_needed.v1', fields: MONEY },
  question: { type: 'item.question.v1', fields: [...ITEM, 'commentId', 'excerpt'] },
  answer: { type: 'item.answer.v1', fields: [...ITEM, 'commentId', 'excerpt'] },
  search_matched: {
    type: 'search.matched.v1',
    fields: [...PRICED, 'savedSearchId', 'searchName'],
  },
  watched_relisted: { type: 'watch.relisted.v1', fields: [...ITEM, 'endDate'] },
  webhook_failing: undefined,
  webhook_disabled: undefined,
} as const satisfies Record<Template, Published | undefined>

/** The event type of a notice; undefined when it is not published. */
export function eventTypeOf(template: Template): WebhookEventType | undefined {
  return publishedOf(template)?.type
}

const publishedOf = (template: Template): Published | undefined => PUBLISHED[template]

/**
 * The body of an event. `sequence` of an item grows with what happens to it: programs that receive events out
 * of order keep the greatest.
 */
export function eventBody(
  notice: Pick<NewNotice, 'template' | 'sequence' | 'data'>,
  instant: Date,
): string | undefined {
  const published = publishedOf(notice.template)
  if (published === undefined) return undefined
  const entries = published.fields.map((field) => [field, notice.data[field]])
  const known = Object.fromEntries(entries.filter(([, value]) => value !== undefined))
  return bodyOf(published.type, instant, { ...known, sequence: notice.sequence })
}

/** The body of the event that tests an endpoint. */
export function testBody(endpointId: string, instant: Date): string {
  return bodyOf(TEST_EVENT, instant, { endpointId })
}

const bodyOf = (type: string, instant: Date, data: object) =>
  JSON.stringify({ type, timestamp: instant.toISOString(), data })

/** Whether an endpoint with this filter takes an event; no filter takes all. */
export const takes = (filter: readonly string[] | null, type: string) =>
  filter === null || filter.includes(type)
