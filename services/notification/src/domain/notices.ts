/** By which of a user's wishes a notice is sent. Users switch categories, not templates. */
export const CATEGORIES = [
  'bidding',
  'results',
  'purchases',
  'sales',
  'questions',
  'searches',
  'integrations',
] as const
export type Category = (typeof CATEGORIES)[number]

/** Ways besides the inbox, which has every notice. */
export const CHANNELS = ['mail', 'push'] as const
export type Channel = (typeof CHANNELS)[number]

/** One kind of notice. This table is the one place that says who is notified of what. */
export interface NoticeKind {
  readonly category: Category
  /** Ways that it can take; the user's wishes choose among them. */
  readonly channels: readonly Channel[]
  /** Its mail is sent whatever the user switched off: money depends on it, or a connection of the user's. */
  readonly isMandatory?: boolean
  /** Of several of one user and aggregate only the latest is open; the ones before are dropped. */
  readonly isLatestOnly?: boolean
  /** It waits so long before it is sent, and may become untrue meanwhile. */
  readonly holdSeconds?: number
  /** After so many hours it is not sent any more. */
  readonly outdatedHours: number
}

const DAY = 24

/** Every row is a sentence of R-NOTICE-1. */
export const NOTICES = {
  /** A leader was outbid, and does not lead again. */
  outbid: {
    category: 'bidding',
    channels: ['mail', 'push'],
    isLatestOnly: true,
    holdSeconds: 10,
    outdatedHours: DAY,
  },
  /** A bidder won. */
  won: {
    category: 'purchases',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** A bidder did not win a lot that was sold to another. */
  lost: { category: 'results', channels: ['mail', 'push'], outdatedHours: 2 * DAY },
  /** A lot ended without being sold; for those who bid. The event of the closing, which says why, may come later. */
  lot_unsold: {
    category: 'results',
    channels: ['mail', 'push'],
    holdSeconds: 10,
    outdatedHours: 2 * DAY,
  },
  /** A seller's item was sold. */
  sold: {
    category: 'sales',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** A seller's item ended without a buyer. */
  unsold: { category: 'sales', channels: ['mail', 'push'], outdatedHours: 7 * DAY },
  /** A moderator hid a seller's item. */
  item_removed: {
    category: 'sales',
    channels: ['mail'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** A seller's item is reserved for a buyer until it is paid. */
  reserved: { category: 'sales', channels: ['mail', 'push'], outdatedHours: 2 },
  /** A reservation of a seller's item ended unpaid. */
  released: { category: 'sales', channels: ['mail', 'push'], outdatedHours: 2 * DAY },
  /** A seller's item went into a new round by itself. */
  relisted: { category: 'sales', channels: ['mail', 'push'], outdatedHours: 7 * DAY },
  /** A seller offers a bidder a lot that is over. */
  offer_made: { category: 'bidding', channels: ['mail', 'push'], outdatedHours: 7 * DAY },
  /** The seller does not offer it any more. */
  offer_withdrawn: { category: 'bidding', channels: ['mail', 'push'], outdatedHours: 7 * DAY },
  /** A bidder accepted a seller's offer: the item is sold. */
  offer_accepted: {
    category: 'sales',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** A bidder declined a seller's offer. */
  offer_declined: { category: 'sales', channels: ['mail', 'push'], outdatedHours: 14 * DAY },
  /** No one answered a seller's offer in time. */
  offer_expired: { category: 'sales', channels: ['mail', 'push'], outdatedHours: 14 * DAY },
  /** A bidder's card holds the deposit of a lot. */
  deposit_held: { category: 'bidding', channels: ['mail', 'push'], outdatedHours: DAY },
  /** The card lets go of it before the lot ends. */
  deposit_expiring: {
    category: 'bidding',
    channels: ['mail', 'push'],
    isMandatory: true,
    isLatestOnly: true,
    outdatedHours: DAY,
  },
  /** The card holds it no more, and nothing was taken. */
  deposit_released: { category: 'bidding', channels: ['mail', 'push'], outdatedHours: 7 * DAY },
  /** It was taken: the bidder won and did not pay. */
  deposit_captured: {
    category: 'purchases',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** A buyer owes a seller for what was won. */
  order_due: {
    category: 'purchases',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 4 * DAY,
  },
  /** It is still to be paid. */
  order_reminder: {
    category: 'purchases',
    channels: ['mail', 'push'],
    isMandatory: true,
    isLatestOnly: true,
    outdatedHours: DAY,
  },
  /** It was not paid in time, and will be cancelled. */
  order_overdue: {
    category: 'purchases',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 3 * DAY,
  },
  /** It was paid: the receipt. */
  order_paid: {
    category: 'purchases',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** A buyer has paid a seller, who sends it now. */
  order_to_ship: {
    category: 'sales',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** It is on its way. */
  order_shipped: {
    category: 'purchases',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 14 * DAY,
  },
  /** An order was cancelled; for its buyer. */
  purchase_cancelled: {
    category: 'purchases',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** An order was cancelled; for its seller. */
  sale_cancelled: {
    category: 'sales',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** The seller lets the buyer pay an order that was cancelled. */
  order_reopened: {
    category: 'purchases',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 2 * DAY,
  },
  /** A buyer is not content; the seller has some days to answer. */
  order_disputed: {
    category: 'sales',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 14 * DAY,
  },
  /** A dispute is over; for the buyer. */
  purchase_resolved: {
    category: 'purchases',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** A dispute is over; for the seller. */
  sale_resolved: {
    category: 'sales',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 30 * DAY,
  },
  /** A seller was paid out. */
  payout_sent: { category: 'sales', channels: ['mail', 'push'], outdatedHours: 7 * DAY },
  /** A payout failed; it is tried again. */
  payout_failed: {
    category: 'sales',
    channels: ['mail', 'push'],
    isMandatory: true,
    outdatedHours: 7 * DAY,
  },
  /** A seller cannot be paid out any more until the provider has what it misses. */
  payout_account_restricted: {
    category: 'sales',
    channels: ['mail', 'push'],
    isMandatory: true,
    isLatestOnly: true,
    outdatedHours: 30 * DAY,
  },
  /** Money waits for a seller who has not said yet where to be paid. */
  payout_account_needed: {
    category: 'sales',
    channels: ['mail', 'push'],
    isMandatory: true,
    isLatestOnly: true,
    outdatedHours: 30 * DAY,
  },
  /** A question or a comment about a seller's item. */
  question: { category: 'questions', channels: ['mail', 'push'], outdatedHours: 3 * DAY },
  /** An answer to what the user wrote. */
  answer: { category: 'questions', channels: ['mail', 'push'], outdatedHours: 3 * DAY },
  /** A new item matches a saved search. */
  search_matched: { category: 'searches', channels: ['mail', 'push'], outdatedHours: 7 * DAY },
  /** An item that a user watches went into a new round. */
  watched_relisted: { category: 'bidding', channels: ['mail', 'push'], outdatedHours: 7 * DAY },
  /** A webhook endpoint has failed for half a day. */
  webhook_failing: {
    category: 'integrations',
    channels: ['mail'],
    isMandatory: true,
    outdatedHours: 2 * DAY,
  },
  /** A webhook endpoint was disabled: it failed for days, or it is gone. */
  webhook_disabled: {
    category: 'integrations',
    channels: ['mail'],
    isMandatory: true,
    outdatedHours: 7 * DAY,
  },
} as const satisfies Record<string, NoticeKind>

export type Template = keyof typeof NOTICES

export const TEMPLATES = Object.keys(NOTICES) as Template[]

export const kindOf = (template: Template): NoticeKind => NOTICES[template]

/**
 * What a notice knows besides its template: strings that are final (money with its currency beside it),
 * ids and instants. Texts are made of it when its user reads, in the language and zone of that user.
 */
export interface NoticeData {
  readonly orderId?: string
  readonly offerId?: string
  readonly itemId?: string
  readonly itemName?: string
  readonly currencyCode?: string
  readonly amount?: string
  readonly minNextBid?: string
  readonly endDate?: string
  readonly commentId?: string
  /** The first characters of a question or an answer. */
  readonly excerpt?: string
  readonly savedSearchId?: string
  readonly searchName?: string
  readonly reason?: string
  /** The host of a webhook endpoint, as its owner wrote it. */
  readonly endpointHost?: string
}

/** A notice as an event asks for it. */
export interface NewNotice {
  readonly userId: string
  readonly template: Template
  /** What it is about: with template, user and sequence it happens once. */
  readonly aggregateId: string
  readonly sequence: number
  readonly data: NoticeData
  /** When it happened, which may be long ago; absent when its event does not say. */
  readonly happenedAt?: Date | undefined
}
