import { isCurrency } from '@auction/common/money.ts'
import { meetsReserve } from './accept.ts'
import type { LedgerEntry, TermsEntry } from './ledger.ts'
import { effectivePhase, type Lot, type LotTerms, type OutageMark, openLot } from './lot.ts'

export type TermsRefusal =
  | 'invalid_terms'
  | 'stale_version'
  | 'not_active'
  | 'currency_fixed'
  | 'has_bids'

export type TermsVerdict =
  | { readonly outcome: 'created' | 'replaced'; readonly lot: Lot }
  | { readonly outcome: 'unchanged' }
  | {
      readonly outcome: 'amended'
      readonly lot: Lot
      readonly ledger: readonly [TermsEntry]
      readonly reserveJustMet: boolean
    }
  | { readonly outcome: 'refused'; readonly reason: TermsRefusal; readonly problem?: string }

/**
 * Decides whether a seller's terms become those of the lot. It is called under the lot's lock,
 * so an edit and a first bid cannot both succeed. Applying a version twice changes nothing.
 */
export function applyTerms(
  lot: Lot | undefined,
  terms: LotTerms,
  nowMs: number,
  requiresNoBids = false,
): TermsVerdict {
  const problem = termsProblem(terms)
  if (problem !== undefined) return { outcome: 'refused', reason: 'invalid_terms', problem }
  // A lot that arrives after its own end (the service was down) is still made, to be closed.
  if (lot === undefined) return { outcome: 'created', lot: openLot(terms) }
  if (terms.itemId !== lot.itemId || terms.sellerId !== lot.sellerId) {
    return { outcome: 'refused', reason: 'invalid_terms', problem: 'another item or seller' }
  }
  if (terms.termsVersion === lot.termsVersion) return { outcome: 'unchanged' }
  if (terms.termsVersion < lot.termsVersion) return refused('stale_version')
  const phase = effectivePhase(lot, nowMs)
  if (phase !== 'open' && phase !== 'pending') return refused('not_active')
  if (terms.currencyCode !== lot.currencyCode) return refused('currency_fixed')
  if (lot.bidCount === 0) return replace(lot, terms, nowMs)
  if (requiresNoBids) return refused('has_bids')
  return amend(lot, terms, nowMs)
}

/**
 * Lowers or drops the reserve under running bids. Under a reserve the visible price is the
 * leader's whole maximum already, so this may meet the reserve but never moves the price; and
 * since it is no bid, it does not extend. A buy-now price that is gone stays gone.
 */
export function lowerReserve(
  lot: Lot,
  change: Pick<TermsEntry, 'reservePrice' | 'termsVersion' | 'decidedAtMs'>,
): { readonly lot: Lot; readonly entry: TermsEntry } {
  const { reservePrice, termsVersion, decidedAtMs } = change
  // A replay without the retracted bids may come here before there is a leader.
  const reserveMet = meetsReserve(lot.leaderMax ?? 0n, reservePrice)
  const next: Lot = {
    ...lot,
    termsVersion,
    reservePrice,
    reserveMet,
    buyNowAvailable: lot.buyNowAvailable && !(reserveMet && lot.bidCount > 0),
    lastDecidedAtMs: decidedAtMs,
    sequence: lot.sequence + 1,
  }
  const entry: TermsEntry = {
    kind: 'terms',
    sequence: next.sequence,
    decidedAtMs,
    termsVersion,
    previousTermsVersion: lot.termsVersion,
    reservePrice,
    previousReservePrice: lot.reservePrice,
    price: lot.currentPrice ?? lot.startPrice,
  }
  return { lot: next, entry }
}

/** The terms the first bid met, and what an outage had done to the lot before. */
export interface OriginalTerms extends LotTerms {
  readonly outage?: OutageMark | undefined
}

/**
 * The ledger without the reservations that were over before the seller replaced the terms: nothing of them is left
 * in the lot, and its present terms say nothing of them.
 */
export function sinceReplacement(
  { termsVersion }: Pick<LotTerms, 'termsVersion'>,
  ledger: readonly LedgerEntry[],
): readonly LedgerEntry[] {
  const change = ledger.find((entry): entry is TermsEntry => entry.kind === 'terms')
  const first = change?.previousTermsVersion ?? termsVersion
  return ledger.filter((entry) => !(isOfPurchase(entry) && entry.termsVersion < first))
}

const isOfPurchase = (entry: LedgerEntry) => entry.kind === 'buy_now' || entry.kind === 'release'

/** The terms the first bid met: those of the lot with the changes of its ledger taken back. */
export function originalTerms(lot: Lot, ledger: readonly LedgerEntry[]): OriginalTerms {
  const firstChange = ledger.find((entry): entry is TermsEntry => entry.kind === 'terms')
  return {
    ...termsOf(lot),
    termsVersion: firstChange?.previousTermsVersion ?? lot.termsVersion,
    reservePrice: firstChange === undefined ? lot.reservePrice : firstChange.previousReservePrice,
    // Terms may have been replaced after it, which is in no ledger: the lot knows what is left of it.
    ...(ledger[0]?.kind === 'outage' ? { outage: outageOf(lot) } : {}),
  }
}

function outageOf({ outageExtendedAtMs, outageExtensionMs }: Lot): OutageMark {
  return { outageExtendedAtMs, outageExtensionMs }
}

/** The terms a lot stands under now. Its end is the original one, before any extension. */
export function termsOf(lot: Lot): LotTerms {
  return {
    itemId: lot.itemId,
    sellerId: lot.sellerId,
    type: lot.type,
    currencyCode: lot.currencyCode,
    termsVersion: lot.termsVersion,
    round: lot.round,
    startPrice: lot.startPrice,
    bidIncrement: lot.bidIncrement,
    reservePrice: lot.reservePrice,
    buyNowPrice: lot.buyNowPrice,
    buyNowMode: lot.buyNowMode,
    buyNowReservationMs: lot.buyNowReservationMs,
    deposit: lot.deposit,
    startsAtMs: lot.startsAtMs,
    endsAtMs: lot.originalEndsAtMs,
    extensionThresholdMs: lot.extensionThresholdMs,
    extensionDurationMs: lot.extensionDurationMs,
    extensionMode: lot.extensionMode,
    maxTotalExtensionMs: lot.hardEndsAtMs - lot.originalEndsAtMs - lot.outageExtensionMs,
    maxExtensions: lot.maxExtensions,
  }
}

function replace(lot: Lot, terms: LotTerms, nowMs: number): TermsVerdict {
  // An end that the seller chooses counts as it is; with the end that was, the lot stays extended.
  const isEndKept = terms.endsAtMs === lot.originalEndsAtMs
  const outage = isEndKept ? outageOf(lot) : { ...outageOf(lot), outageExtensionMs: 0 }
  const replaced = openLot(terms, lot.sequence + 1, outage)
  if (replaced.endsAtMs <= nowMs) {
    return { outcome: 'refused', reason: 'invalid_terms', problem: 'the new end has passed' }
  }
  return { outcome: 'replaced', lot: replaced }
}

function amend(lot: Lot, terms: LotTerms, nowMs: number): TermsVerdict {
  if (!isAllowedWithBids(lot, terms)) return refused('has_bids')
  const decidedAtMs = Math.max(Math.floor(nowMs), lot.lastDecidedAtMs ?? 0)
  const { lot: next, entry } = lowerReserve(lot, { ...terms, decidedAtMs })
  return {
    outcome: 'amended',
    lot: next,
    ledger: [entry],
    reserveJustMet: next.reserveMet && !lot.reserveMet,
  }
}

// A new version with the same terms is a longer description or another picture: allowed.
function isAllowedWithBids(lot: Lot, terms: LotTerms): boolean {
  const current = termsOf(lot)
  const keys = Object.keys(current) as (keyof LotTerms)[]
  const others = keys.filter((key) => key !== 'termsVersion' && key !== 'reservePrice')
  if (others.some((key) => current[key] !== terms[key])) return false
  if (terms.reservePrice === null) return true
  return lot.reservePrice !== null && terms.reservePrice <= lot.reservePrice
}

/** What makes terms unusable for bidding. What makes a good listing is the auction's business. */
function termsProblem(terms: LotTerms): string | undefined {
  const { startPrice, bidIncrement, reservePrice, buyNowPrice, deposit } = terms
  if (!isCurrency(terms.currencyCode)) return 'unknown currency'
  if (startPrice <= 0n) return 'the start price is not positive'
  if (bidIncrement !== null && bidIncrement <= 0n) return 'the increment is not positive'
  if (reservePrice !== null && reservePrice <= 0n) return 'the reserve is not positive'
  if (deposit !== null && deposit <= 0n) return 'the deposit is not positive'
  if (buyNowPrice !== null && buyNowPrice <= startPrice) {
    return 'the buy-now price is not above the start price'
  }
  if (buyNowPrice !== null && reservePrice !== null && buyNowPrice <= reservePrice) {
    return 'the buy-now price is not above the reserve'
  }
  if (buyNowPrice !== null && terms.type !== 'english') return 'buy-now is not for this type'
  if (terms.buyNowMode === 'reserved' && terms.buyNowReservationMs <= 0) {
    return 'a reservation without a length'
  }
  if (!(terms.startsAtMs < terms.endsAtMs)) return 'the end is not after the start'
  const limits = [
    terms.extensionThresholdMs,
    terms.extensionDurationMs,
    terms.maxTotalExtensionMs,
    terms.maxExtensions,
  ]
  return limits.every((limit) => limit >= 0) ? undefined : 'an extension setting is negative'
}

function refused(reason: TermsRefusal): TermsVerdict {
  return { outcome: 'refused', reason }
}
