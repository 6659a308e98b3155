/** What the seller decides about a listing. The end is the chosen one, before any extension. */
export interface ItemContent {
  readonly name: string
  readonly description: string
  readonly type: ItemType
  readonly currencyCode: string
  readonly startPrice: bigint
  readonly bidIncrement: bigint | null
  readonly reservePrice: bigint | null
  readonly buyoutPrice: bigint | null
  /** For how long a purchase reserves the item until it is paid; null: it is sold at once. */
  readonly buyoutReservationMinutes: number | null
  /** What a bidder's card holds before a bid: so much, or so many hundredths of the start price; null: nothing. */
  readonly depositAmount: bigint | null
  readonly depositPercent: number | null
  readonly startDate: Date
  readonly endDate: Date
  /** Null: the default, which gives way when the auction is short. */
  readonly extensionThresholdMinutes: number | null
  readonly extensionDurationMinutes: number
  readonly extensionMode: ExtensionMode
  readonly maxExtensionMinutes: number
  readonly maxExtensions: number
}

export type ContentField = keyof ItemContent

/** The fields of a listing, in the order in which lists of them name them. */
export const CONTENT_FIELDS = [
  'name',
  'description',
  'type',
  'currencyCode',
  'startPrice',
  'bidIncrement',
  'reservePrice',
  'buyoutPrice',
  'buyoutReservationMinutes',
  'depositAmount',
  'depositPercent',
  'startDate',
  'endDate',
  'extensionThresholdMinutes',
  'extensionDurationMinutes',
  'extensionMode',
  'maxExtensionMinutes',
  'maxExtensions',
] as const satisfies readonly ContentField[]

export const ITEM_TYPES = ['english', 'sealed_first', 'sealed_second', 'dutch', 'reverse'] as const
export type ItemType = (typeof ITEM_TYPES)[number]
export const EXTENSION_MODES = ['from_end', 'from_bid'] as const
export type ExtensionMode = (typeof EXTENSION_MODES)[number]

export type ItemStatus =
  | 'draft'
  | 'scheduled'
  | 'active'
  | 'reserved'
  | 'ended'
  | 'sold'
  | 'expired'
  | 'cancelled'
  | 'removed'

export type Outcome = 'sold' | 'bought_now' | 'no_bids' | 'reserve_not_met' | 'cancelled'

/** A listing with its place in the state machine and what is known of its bidding. */
export interface Item extends ItemContent {
  readonly id: string
  readonly sellerId: string
  readonly status: ItemStatus
  readonly round: number
  readonly termsVersion: number
  readonly termsAppliedVersion: number
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
  /** The end that counts now: the chosen one plus extensions. */
  readonly currentEndDate: Date
  readonly currentPrice: bigint
  readonly bidCount: number
  readonly reserveMet: boolean
  readonly buyNowAvailable: boolean
  readonly outcome: Outcome | null
  readonly endReason: string | null
  readonly buyerId: string | null
  readonly endPrice: bigint | null
  readonly categoryIds: readonly string[]
  /** The item of the round before, and that of the next one. */
  readonly relistOf: string | null
  readonly relistedAs: string | null
  /** How often it still goes into a new round by itself, and by how much the start price falls then. */
  readonly autoRelists: number
  readonly relistPriceDropPercent: number
}

/** Public statuses; drafts, cancelled and removed items are shown to their seller only. */
export const PUBLIC_STATUSES: readonly ItemStatus[] = [
  'scheduled',
  'active',
  'reserved',
  'ended',
  'sold',
  'expired',
]

export const ITEM_STATUSES: readonly ItemStatus[] = [
  'draft',
  ...PUBLIC_STATUSES,
  'cancelled',
  'removed',
]

const MINUTE_MS = 60_000
const DEFAULT_THRESHOLD_MINUTES = 10

export function isPublic(status: ItemStatus): boolean {
  return PUBLIC_STATUSES.includes(status)
}

/** True while bidding lies ahead or is running: the only time a published item can change. */
export function isOpen(status: ItemStatus): boolean {
  return status === 'scheduled' || status === 'active'
}

/** The most minutes before the end that may trigger an extension: half of the auction. */
export function thresholdMaxMinutes(content: Pick<ItemContent, 'startDate' | 'endDate'>): number {
  const durationMs = content.endDate.getTime() - content.startDate.getTime()
  return Math.max(0, Math.floor(durationMs / 2 / MINUTE_MS))
}

/** The threshold that applies: the seller's, or the default as far as the duration allows it. */
export function effectiveThresholdMinutes(content: ItemContent): number {
  return (
    content.extensionThresholdMinutes ??
    Math.min(DEFAULT_THRESHOLD_MINUTES, thresholdMaxMinutes(content))
  )
}

/**
 * No extension by a bid leads beyond this instant. After an outage the end itself may lie there, and
 * the bid service knows how far bids can move it then.
 */
export function hardEndDate({
  endDate,
  maxExtensionMinutes,
  currentEndDate,
}: Pick<Item, 'endDate' | 'maxExtensionMinutes' | 'currentEndDate'>): Date {
  const chosenMs = endDate.getTime() + maxExtensionMinutes * MINUTE_MS
  return new Date(Math.max(chosenMs, currentEndDate.getTime()))
}
