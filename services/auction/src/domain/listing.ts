import { formatAmount, isCurrency, parseAmount } from '@auction/common/money.ts'
import { readOptionalText, readText } from '@auction/common/text.ts'
import { type ExtensionMode, type ItemContent, type ItemType, thresholdMaxMinutes } from './item.ts'
import { TEXTS } from './texts.ts'

/** The fields of a listing as a seller sends them: decimal strings, ISO instants, null = none. */
export interface ListingInput {
  name: string
  description?: string
  type?: ItemType
  currencyCode: string
  startPrice: string
  bidIncrement?: string | null
  reservePrice?: string | null
  buyoutPrice?: string | null
  buyoutReservationMinutes?: number | null
  depositAmount?: string | null
  depositPercent?: number | null
  startDate: string
  endDate: string
  extensionThresholdMinutes?: number | null
  extensionDurationMinutes?: number
  extensionMode?: ExtensionMode
  maxExtensionMinutes?: number
  maxExtensions?: number
}

type OptionalAmount = 'bidIncrement' | 'reservePrice' | 'buyoutPrice' | 'depositAmount'

const OPTIONAL_AMOUNTS = [
  'bidIncrement',
  'reservePrice',
  'buyoutPrice',
  'depositAmount',
] as const satisfies readonly OptionalAmount[]

/** Why a listing is refused: the field at fault and a stable reason. */
export interface Problem {
  readonly field: string
  readonly reason: string
}

export type ReadListing =
  | { readonly ok: true; readonly content: ItemContent }
  | ({ readonly ok: false } & Problem)

/** Limits an operator may change; a test or a replay runs auctions of seconds. */
export interface ListingLimits {
  readonly durationMinMs: number
  readonly durationMaxMs: number
  /** How far a start may lie back, for clocks that differ and drafts published a moment later. */
  readonly startToleranceMs: number
  readonly startAheadMaxMs: number
  /** The lowest buy-now price in hundredths of the start price. */
  readonly buyNowPercentMin: bigint
  /** Whether a purchase may reserve an item until it is paid. */
  readonly isReservingOffered: boolean
}

const DAY_MS = 86_400_000
/** In less time no one can enter a card number. */
export const RESERVATION_MINUTES_MIN = 5

/** The platform's rules (R-TERMS-1, R-TERMS-2) with what the operator chooses. */
export function listingLimits(
  auctionSecondsMin: number,
  isReservingOffered = false,
): ListingLimits {
  return {
    durationMinMs: auctionSecondsMin * 1_000,
    durationMaxMs: 30 * DAY_MS,
    startToleranceMs: 300_000,
    startAheadMaxMs: 30 * DAY_MS,
    buyNowPercentMin: 130n,
    isReservingOffered,
  }
}

/** Reads what a seller sent. Amounts are exact in the currency, instants real, texts by R-TEXT-1. */
export function readListing(input: ListingInput): ReadListing {
  const { currencyCode } = input
  if (!isCurrency(currencyCode)) return refused('currencyCode', 'unknown_currency')
  const startPrice = parseAmount(input.startPrice, currencyCode)
  if (!startPrice.ok) return refused('startPrice', startPrice.reason)
  const optional: Record<OptionalAmount, bigint | null> = {
    bidIncrement: null,
    reservePrice: null,
    buyoutPrice: null,
    depositAmount: null,
  }
  for (const field of OPTIONAL_AMOUNTS) {
    const text = input[field] ?? null
    if (text === null) continue
    const parsed = parseAmount(text, currencyCode)
    if (!parsed.ok) return refused(field, parsed.reason)
    optional[field] = parsed.minor
  }
  const name = readText(input.name, TEXTS.itemName)
  if (!name.ok) return refused('name', name.reason)
  const description = readOptionalText(input.description ?? '', TEXTS.itemDescription)
  if (!description.ok) return refused('description', description.reason)
  const startDate = new Date(input.startDate)
  if (Number.isNaN(startDate.getTime())) return refused('startDate', 'not_an_instant')
  const endDate = new Date(input.endDate)
  if (Number.isNaN(endDate.getTime())) return refused('endDate', 'not_an_instant')
  const content: ItemContent = {
    name: name.text,
    description: description.text,
    type: input.type ?? 'english',
    currencyCode,
    startPrice: startPrice.minor,
    ...optional,
    buyoutReservationMinutes: input.buyoutReservationMinutes ?? null,
    depositPercent: input.depositPercent ?? null,
    startDate,
    endDate,
    extensionThresholdMinutes: input.extensionThresholdMinutes ?? null,
    extensionDurationMinutes: input.extensionDurationMinutes ?? 5,
    extensionMode: input.extensionMode ?? 'from_end',
    maxExtensionMinutes: input.maxExtensionMinutes ?? 60,
    maxExtensions: input.maxExtensions ?? 0,
  }
  return { ok: true, content }
}

/**
 * Reads a listing after a change. A text that stays as it is is not read again: one of an earlier
 * version may be in no form that is taken today, and must not count as changed.
 */
export function readChanged(content: ItemContent, changes: Partial<ListingInput>): ReadListing {
  const { name, description } = content
  const { name: newName = name, description: newDescription = description } = changes
  const isNamed = newName !== name
  const isDescribed = newDescription !== description
  const read = readListing({
    ...listingInput(content),
    ...changes,
    name: isNamed ? newName : 'unchanged',
    description: isDescribed ? newDescription : '',
  })
  if (!read.ok) return read
  const kept = { ...(isNamed ? {} : { name }), ...(isDescribed ? {} : { description }) }
  return { ok: true, content: { ...read.content, ...kept } }
}

/** The same fields as a seller would send them; what readListing reads back unchanged. */
export function listingInput(content: ItemContent): ListingInput {
  const { currencyCode } = content
  const amount = (minor: bigint | null) =>
    minor === null ? null : formatAmount(minor, currencyCode)
  return {
    ...content,
    startPrice: formatAmount(content.startPrice, currencyCode),
    bidIncrement: amount(content.bidIncrement),
    reservePrice: amount(content.reservePrice),
    buyoutPrice: amount(content.buyoutPrice),
    depositAmount: amount(content.depositAmount),
    startDate: content.startDate.toISOString(),
    endDate: content.endDate.toISOString(),
  }
}

/** What makes the prices and times of a listing contradict each other, whatever the clock says. */
export function listingProblem(content: ItemContent, limits: ListingLimits): Problem | undefined {
  const { startPrice, reservePrice, buyoutPrice } = content
  if (reservePrice !== null && reservePrice < startPrice) {
    return { field: 'reservePrice', reason: 'below_start_price' }
  }
  if (buyoutPrice !== null && buyoutPrice * 100n < startPrice * limits.buyNowPercentMin) {
    return { field: 'buyoutPrice', reason: 'too_close_to_start_price' }
  }
  if (buyoutPrice !== null && reservePrice !== null && buyoutPrice <= reservePrice) {
    return { field: 'buyoutPrice', reason: 'not_above_reserve_price' }
  }
  if (buyoutPrice !== null && content.type !== 'english') {
    return { field: 'buyoutPrice', reason: 'not_for_this_type' }
  }
  const { buyoutReservationMinutes: reservation } = content
  if (reservation !== null && !limits.isReservingOffered) {
    return { field: 'buyoutReservationMinutes', reason: 'not_offered' }
  }
  if (reservation !== null && buyoutPrice === null) {
    return { field: 'buyoutReservationMinutes', reason: 'without_buyout_price' }
  }
  if (reservation !== null && reservation < RESERVATION_MINUTES_MIN) {
    return { field: 'buyoutReservationMinutes', reason: 'too_short' }
  }
  const deposit = depositProblem(content)
  if (deposit !== undefined) return deposit
  const durationMs = content.endDate.getTime() - content.startDate.getTime()
  if (durationMs <= 0) return { field: 'endDate', reason: 'not_after_start' }
  if (durationMs < limits.durationMinMs) return { field: 'endDate', reason: 'too_short' }
  if (durationMs > limits.durationMaxMs) return { field: 'endDate', reason: 'too_long' }
  // A longer threshold would let the first bid of the auction extend it (R-TERMS-3).
  const threshold = content.extensionThresholdMinutes
  if (threshold !== null && threshold > thresholdMaxMinutes(content)) {
    return { field: 'extensionThresholdMinutes', reason: 'over_half_of_duration' }
  }
  return undefined
}

/** The most that a deposit may be, in hundredths of the start price. */
export const DEPOSIT_PERCENT_MAX = 100

/** What a bidder's card holds before a bid; null: nothing. A part of a minor unit counts as a whole one. */
export function depositOf({
  depositAmount,
  depositPercent,
  startPrice,
}: Pick<ItemContent, 'depositAmount' | 'depositPercent' | 'startPrice'>): bigint | null {
  if (depositAmount !== null) return depositAmount
  if (depositPercent === null) return null
  return (startPrice * BigInt(depositPercent) + 99n) / 100n
}

function depositProblem(content: ItemContent): Problem | undefined {
  const { depositAmount, depositPercent, startPrice } = content
  if (depositAmount !== null && depositPercent !== null) {
    return { field: 'depositPercent', reason: 'beside_deposit_amount' }
  }
  const isInBounds =
    depositPercent === null || (depositPercent >= 1 && depositPercent <= DEPOSIT_PERCENT_MAX)
  if (!isInBounds) return { field: 'depositPercent', reason: 'out_of_bounds' }
  // Who wins pays the start price at least: what is held is never more than what is owed.
  if (depositAmount !== null && depositAmount > startPrice) {
    return { field: 'depositAmount', reason: 'above_start_price' }
  }
  return undefined
}

/** What is wrong with the start, seen from now. */
export function startProblem(
  startDate: Date,
  now: Date,
  limits: ListingLimits,
): Problem | undefined {
  const aheadMs = startDate.getTime() - now.getTime()
  if (aheadMs < -limits.startToleranceMs) return { field: 'startDate', reason: 'in_the_past' }
  if (aheadMs > limits.startAheadMaxMs) return { field: 'startDate', reason: 'too_far_ahead' }
  return undefined
}

/** What stands between a draft and its publication; undefined when it can go out now. */
export function publishProblem(
  content: ItemContent,
  now: Date,
  limits: ListingLimits,
): Problem | undefined {
  const problem = startProblem(content.startDate, now, limits) ?? listingProblem(content, limits)
  if (problem !== undefined) return problem
  return content.endDate <= now ? { field: 'endDate', reason: 'in_the_past' } : undefined
}

function refused(field: string, reason: string): ReadListing {
  return { ok: false, field, reason }
}
