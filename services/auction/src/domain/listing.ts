import { formatAmount, isCurrency, parseAmount } from '@auction/common/money.ts'
import { type ExtensionMode, type ItemContent, type ItemType, thresholdMaxMinutes } from './item.ts'

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
  startDate: string
  endDate: string
  extensionThresholdMinutes?: number | null
  extensionDurationMinutes?: number
  extensionMode?: ExtensionMode
  maxExtensionMinutes?: number
  maxExtensions?: number
}

type OptionalAmount = 'bidIncrement' | 'reservePrice' | 'buyoutPrice'

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
}

const DAY_MS = 86_400_000

/** The platform's rules (R-TERMS-1, R-TERMS-2) with the shortest auction given by the operator. */
export function listingLimits(auctionSecondsMin: number): ListingLimits {
  return {
    durationMinMs: auctionSecondsMin * 1_000,
    durationMaxMs: 30 * DAY_MS,
    startToleranceMs: 300_000,
    startAheadMaxMs: 30 * DAY_MS,
    buyNowPercentMin: 130n,
  }
}

/** Reads what a seller sent. Amounts are exact in the currency, instants real, texts printable. */
export function readListing(input: ListingInput): ReadListing {
  const { currencyCode } = input
  if (!isCurrency(currencyCode)) return refused('currencyCode', 'unknown_currency')
  const startPrice = parseAmount(input.startPrice, currencyCode)
  if (!startPrice.ok) return refused('startPrice', startPrice.reason)
  const optional: Record<OptionalAmount, bigint | null> = {
    bidIncrement: null,
    reservePrice: null,
    buyoutPrice: null,
  }
  for (const field of ['bidIncrement', 'reservePrice', 'buyoutPrice'] as const) {
    const text = input[field] ?? null
    if (text === null) continue
    const parsed = parseAmount(text, currencyCode)
    if (!parsed.ok) return refused(field, parsed.reason)
    optional[field] = parsed.minor
  }
  const name = input.name.trim()
  const description = input.description ?? ''
  const textProblem = nameProblem(name) ?? descriptionProblem(description)
  if (textProblem !== undefined) return { ok: false, ...textProblem }
  const startDate = new Date(input.startDate)
  if (Number.isNaN(startDate.getTime())) return refused('startDate', 'not_an_instant')
  const endDate = new Date(input.endDate)
  if (Number.isNaN(endDate.getTime())) return refused('endDate', 'not_an_instant')
  const content: ItemContent = {
    name,
    description,
    type: input.type ?? 'english',
    currencyCode,
    startPrice: startPrice.minor,
    ...optional,
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

// Control characters, line separators and those that reverse the direction of what follows: none
// has a place in a title, and each has been used to make one look like something else.
const NOT_IN_NAMES = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u
const NOT_IN_TEXTS = /[^\P{Cc}\t\n\r]|[\u202a-\u202e\u2066-\u2069]/u
const NAME_LENGTH_MAX = 200
const DESCRIPTION_LENGTH_MAX = 10_000

function nameProblem(name: string): Problem | undefined {
  if (name === '') return { field: 'name', reason: 'empty' }
  // PostgreSQL counts characters, JavaScript UTF-16 units: count as the database does.
  if ([...name].length > NAME_LENGTH_MAX) return { field: 'name', reason: 'too_long' }
  if (!name.isWellFormed() || NOT_IN_NAMES.test(name)) {
    return { field: 'name', reason: 'forbidden_characters' }
  }
  return undefined
}

function descriptionProblem(description: string): Problem | undefined {
  if ([...description].length > DESCRIPTION_LENGTH_MAX) {
    return { field: 'description', reason: 'too_long' }
  }
  if (!description.isWellFormed() || NOT_IN_TEXTS.test(description)) {
    return { field: 'description', reason: 'forbidden_characters' }
  }
  return undefined
}

function refused(field: string, reason: string): ReadListing {
  return { ok: false, field, reason }
}
