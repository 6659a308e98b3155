import { greater, lesser } from '@auction/common/money.ts'
import { afterOpening, type ReplayStep, replay, unbid } from './fold.ts'
import { increment } from './increments.ts'
import type {
  BidEntry,
  LedgerEntry,
  OutageEntry,
  PurchaseEntry,
  ReleaseEntry,
  ReservationPayment,
} from './ledger.ts'
import { incrementRule, isBuyNowOpen, type Lot, minNextBid } from './lot.ts'
import { LAST_MINUTES_MS, OUTAGE_MIN_MS } from './outage.ts'
import type { BidSettings } from './settings.ts'
import type { OriginalTerms } from './terms.ts'

/**
 * Compares a lot with its ledger, and both with the rules. Returns what is wrong, each with the
 * number of its invariant (R-OPS-6); an empty list means that all is right. A ledger
 * from which bids were retracted must be given as it was, with a lot as it was.
 */
export function verifyLedger(
  terms: OriginalTerms,
  entries: readonly LedgerEntry[],
  lot: Lot,
  settings: BidSettings,
  payments: readonly ReservationPayment[] = [],
): string[] {
  const violations: string[] = []
  const steps = afterOpening(terms, entries)
  let replayed = unbid(terms, entries, lot.sequence)
  const expected: LedgerEntry[] = []
  let leaderMaxAtContest: bigint | null = null
  for (const step of replay(terms, entries, settings)) {
    checkStep(step, settings, violations)
    const { entry, before, after } = step
    if ('bidId' in entry && entry.bidderId !== before.leaderId) {
      leaderMaxAtContest = after.leaderMax
    }
    expected.push(...step.expected)
    replayed = after
  }
  checkRows(steps, expected, violations)
  checkOutages(entries, lot, violations)
  checkWinningPrice(entries, lot, leaderMaxAtContest, settings, violations)
  checkLot(lot, replayed, steps.length > 0, violations)
  checkOutcome(lot, entries, violations)
  checkSale(lot, replayed, payments, violations)
  return violations
}

function checkStep(step: ReplayStep, settings: BidSettings, violations: string[]): void {
  const { before, entry, after } = step
  const where = `sequence ${entry.sequence}`
  const isSilent = 'silentRaise' in entry && entry.silentRaise > 0
  if (entry.sequence !== before.sequence + (isSilent ? 0 : 1)) {
    violations.push(`I4 ${where}: follows ${before.sequence}`)
  }
  if (entry.decidedAtMs < (before.lastDecidedAtMs ?? entry.decidedAtMs)) {
    violations.push(`I6 ${where}: decided before its predecessor`)
  }
  if (after.currentPrice !== null && after.currentPrice < (before.currentPrice ?? 0n)) {
    violations.push(`I5 ${where}: the price fell`)
  }
  if (after.endsAtMs < before.endsAtMs || after.endsAtMs > after.hardEndsAtMs) {
    violations.push(`I18 ${where}: the end shrank or passed the hard end`)
  }
  if (entry.kind === 'buy_now') checkPurchase(step.before, entry, settings, violations)
  if (entry.kind === 'release') checkRelease(step.before, entry, violations)
  else if (before.phase !== 'open') violations.push(`I15 ${where}: the lot was ${before.phase}`)
  if (!('bidId' in entry)) return
  if (entry.decidedAtMs < before.startsAtMs || entry.decidedAtMs >= before.endsAtMs) {
    violations.push(`I6 ${where}: decided outside the auction`)
  }
  if (entry.bidderId === before.sellerId) violations.push(`I7 ${where}: the seller bid`)
  if (entry.maxAmount < minNextBid(before, settings, entry.bidderId)) {
    violations.push(`I5 ${where}: below the minimum`)
  }
}

/** A purchase is made at the price on offer, while it is on offer, and not by the seller. */
function checkPurchase(
  before: Lot,
  entry: PurchaseEntry,
  settings: BidSettings,
  violations: string[],
): void {
  const where = `sequence ${entry.sequence}`
  if (entry.decidedAtMs < before.startsAtMs || entry.decidedAtMs >= before.endsAtMs) {
    violations.push(`I6 ${where}: bought outside the auction`)
  }
  if (entry.buyerId === before.sellerId) violations.push(`I7 ${where}: the seller bought`)
  if (!isBuyNowOpen(before, settings)) violations.push(`I15 ${where}: buy-now was gone`)
}

/** A reservation ends once, and by time at its own last instant. */
function checkRelease(before: Lot, entry: ReleaseEntry, violations: string[]): void {
  const where = `sequence ${entry.sequence}`
  if (before.phase !== 'reserved') violations.push(`I15 ${where}: released, but not reserved`)
  const untilMs = before.reservedUntilMs ?? 0
  const isAtItsTime =
    entry.reason === 'lapsed' ? entry.decidedAtMs === untilMs : entry.decidedAtMs < untilMs
  if (!isAtItsTime) violations.push(`I15 ${where}: ${entry.reason} at another time`)
}

// Every effect of a bid is recorded beside it. Rows that the rules would not
// write, rows that are missing and rows with other values all show here.
function checkRows(
  entries: readonly LedgerEntry[],
  expected: readonly LedgerEntry[],
  violations: string[],
): void {
  if (expected.length !== entries.length) {
    violations.push(`I12 ledger: ${entries.length} entries, ${expected.length} expected`)
  }
  for (const [index, entry] of entries.entries()) {
    const other = expected[index]
    if (other === undefined) return
    for (const key of differences(entry, other)) {
      // A gap in the sequence has been reported already, as what it is.
      if (key !== 'sequence') violations.push(`I12 sequence ${entry.sequence}: ${key} differs`)
    }
  }
}

/**
 * A lot is extended after an outage once, and only if the outage was long enough and overlapped the
 * last minutes before the end. The instants of an outage are rounded, so at the bounds it may be
 * either way.
 */
function checkOutages(entries: readonly LedgerEntry[], lot: Lot, violations: string[]): void {
  const outages = entries.filter((entry): entry is OutageEntry => entry.kind === 'outage')
  if (outages.length > 1) violations.push('I18 lot: extended after an outage more than once')
  const [entry] = outages
  if (entry?.decidedAtMs !== (lot.outageExtendedAtMs ?? undefined)) {
    violations.push('I12 lot: outageExtendedAtMs differs from its ledger')
  }
  if (entry === undefined) return
  const { outageFromMs, outageUntilMs, previousEndsAtMs, extendedToMs, decidedAtMs } = entry
  const where = `sequence ${entry.sequence}`
  if (outageUntilMs - outageFromMs < OUTAGE_MIN_MS || outageUntilMs > decidedAtMs) {
    violations.push(`I18 ${where}: extended without an outage`)
  }
  if (outageFromMs >= previousEndsAtMs || outageUntilMs < previousEndsAtMs - LAST_MINUTES_MS) {
    violations.push(`I18 ${where}: the outage does not overlap the last minutes`)
  }
  if (extendedToMs <= previousEndsAtMs || extendedToMs <= decidedAtMs) {
    violations.push(`I18 ${where}: the outage did not move the end`)
  }
  // Zero: the seller has chosen another end since, which is possible before the first bid only.
  const isEdited = lot.outageExtensionMs === 0 && entries[0] === entry
  if (!isEdited && lot.outageExtensionMs !== extendedToMs - previousEndsAtMs) {
    violations.push('I12 lot: outageExtensionMs differs from its ledger')
  }
}

/**
 * Works the price out from the maxima alone, by another way than the replay: one step over the
 * second maximum, at most what the leader offered when he was last contested, at least the start
 * and what the reserve calls for. A reserve lowered on the way may have left the price higher.
 */
function checkWinningPrice(
  entries: readonly LedgerEntry[],
  lot: Lot,
  leaderMaxAtContest: bigint | null,
  settings: BidSettings,
  violations: string[],
): void {
  const bids = entries.filter((entry): entry is BidEntry => 'bidId' in entry)
  const highest = highestBid(bids)
  if (highest === undefined || lot.leaderMax === null || leaderMaxAtContest === null) return
  if (highest.bidId !== lot.leaderBidId || highest.bidderId !== lot.leaderId) {
    violations.push('I10 the highest and earliest maximum does not lead')
  }
  const second = highestBid(bids.filter((bid) => bid.bidderId !== highest.bidderId))?.maxAmount
  const step = second === undefined ? 0n : second + increment(incrementRule(lot, settings), second)
  const contested = lesser(greater(step, lot.startPrice), leaderMaxAtContest)
  const price = greater(contested, lesser(lot.reservePrice ?? 0n, lot.leaderMax))
  const mayBeHigher = entries.some((entry) => entry.kind === 'terms')
  const shown = lot.currentPrice ?? 0n
  if (shown > lot.leaderMax || shown < price || (shown > price && !mayBeHigher)) {
    violations.push(`I11 the price is ${shown}, from the maxima it is ${price}`)
  }
}

function highestBid(bids: readonly BidEntry[]): BidEntry | undefined {
  return bids.reduce<BidEntry | undefined>(
    (best, bid) => (best === undefined || bid.maxAmount > best.maxAmount ? bid : best),
    undefined,
  )
}

// These are set when a lot ends, which the ledger contains only where a purchase ended it at once.
const ENDING = new Set<string>([
  'phase',
  'outcome',
  'finalAmount',
  'winnerId',
  'buyNowAvailable',
  'reservedFor',
  'reservedUntilMs',
])

function checkLot(lot: Lot, replayed: Lot, hasEntries: boolean, violations: string[]): void {
  const isOver = lot.phase === 'closed' || lot.phase === 'cancelled'
  const ended = isOver && replayed.phase !== 'closed'
  for (const key of differences(lot, replayed)) {
    if (key === 'sequence' || (ended && ENDING.has(key))) continue
    violations.push(`I12 lot: ${key} differs from its ledger`)
  }
  const sequence = replayed.sequence + (hasEntries && ended ? 1 : 0)
  if (lot.sequence !== sequence)
    violations.push(`I4 lot: sequence ${lot.sequence}, not ${sequence}`)
}

function checkOutcome(lot: Lot, entries: readonly LedgerEntry[], violations: string[]): void {
  const isSale = lot.outcome === 'sold' || lot.outcome === 'bought_now'
  if (isSale !== (lot.winnerId !== null && lot.finalAmount !== null)) {
    violations.push(`I16 lot: ${lot.outcome ?? 'no outcome'} and winner do not agree`)
  }
  if (lot.outcome === 'sold' && (lot.winnerId !== lot.leaderId || !lot.reserveMet)) {
    violations.push('I16 lot: sold, but not to the leader, or below the reserve')
  }
  if (lot.outcome === 'sold' && lot.finalAmount !== lot.currentPrice) {
    violations.push('I16 lot: sold at another price than the last')
  }
  if (lot.outcome === 'bought_now') {
    const last = entries.findLast((entry): entry is PurchaseEntry => entry.kind === 'buy_now')
    const isTheirs = last?.purchaseId === lot.purchaseId && last?.buyerId === lot.winnerId
    if (!isTheirs || last?.amount !== lot.finalAmount) {
      violations.push('I16 lot: bought by another than its last purchase says')
    }
  }
  if (lot.outcome === 'no_bids' && lot.leaderId !== null) {
    violations.push('I16 lot: no bids, but a leader')
  }
  if (lot.outcome === 'reserve_not_met' && (lot.leaderId === null || lot.reserveMet)) {
    violations.push('I16 lot: reserve not met, but it is, or there are no bids')
  }
}

/**
 * A reserved lot goes on as such, is cancelled, or is sold to its buyer by one payment in time. No other lot has a
 * payment, and none is bought without one but where the purchase ended it at once.
 */
function checkSale(
  lot: Lot,
  replayed: Lot,
  payments: readonly ReservationPayment[],
  violations: string[],
): void {
  const isBought = lot.outcome === 'bought_now'
  const isReserved = replayed.phase === 'reserved'
  const mayBe = isBought || lot.phase === 'reserved' || lot.phase === 'cancelled'
  if (isReserved && !mayBe) violations.push(`I15 lot: ${lot.phase}, but its ledger ends reserved`)
  const isPaid = isBought && isReserved && replayed.reservedFor === lot.winnerId
  if (!isPaid) {
    if (payments.length > 0) violations.push('I16 lot: a payment that sold nothing is on record')
    if (isBought && replayed.phase !== 'closed')
      violations.push('I16 lot: bought without a purchase that ended it')
    return
  }
  const [payment, ...others] = payments
  const isInTime =
    payment?.purchaseId === replayed.purchaseId &&
    payment.decidedAtMs < (replayed.reservedUntilMs ?? 0)
  if (!isInTime || others.length > 0)
    violations.push('I16 lot: bought, but not by one payment in time')
}

function differences<T extends object>(left: T, right: T): string[] {
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]) as Set<keyof T & string>
  return [...keys].filter((key) => left[key] !== right[key])
}
