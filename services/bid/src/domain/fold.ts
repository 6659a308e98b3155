import { accept } from './accept.ts'
import type { BidEntry, LedgerEntry, TermsEntry } from './ledger.ts'
import { type Lot, type LotTerms, openLot } from './lot.ts'
import type { BidSettings } from './settings.ts'
import { lowerReserve } from './terms.ts'

/** One step of a replay: what the ledger says, and what it should say. */
export interface ReplayStep {
  readonly before: Lot
  readonly entry: BidEntry | TermsEntry
  readonly after: Lot
  readonly expected: readonly LedgerEntry[]
}

/**
 * The lot that a ledger adds up to, from the terms the first bid met and entries in sequence
 * order. Only bids and changes of terms are read: prices, leaders, ends and counter-bids are
 * results and come out again. Whether it was closed is not in the ledger, so it comes out open.
 */
export function fold(terms: LotTerms, entries: readonly LedgerEntry[], settings: BidSettings): Lot {
  let lot = unbid(terms, entries)
  for (const step of replay(terms, entries, settings)) lot = step.after
  return lot
}

/** The same, step by step. */
export function* replay(
  terms: LotTerms,
  entries: readonly LedgerEntry[],
  settings: BidSettings,
): Generator<ReplayStep> {
  const numbers = new Map<string, number>()
  let before = unbid(terms, entries)
  for (const entry of entries) {
    if (entry.kind === 'auto') continue
    const step = next(before, entry, numbers, settings)
    yield step
    before = step.after
  }
}

function next(
  before: Lot,
  entry: BidEntry | TermsEntry,
  numbers: Map<string, number>,
  settings: BidSettings,
): ReplayStep {
  if (entry.kind === 'terms') {
    const change = lowerReserve(before, entry)
    return { before, entry, after: at(change.lot, entry), expected: [change.entry] }
  }
  const { bidId, bidderId, maxAmount } = entry
  const bidderNumber = numbers.get(bidderId)
  const bid = { bidId, bidderId, bidderNumber, maxAmount }
  const acceptance = accept(before, bid, entry.decidedAtMs, settings)
  if (bidderNumber === undefined) numbers.set(bidderId, acceptance.lot.bidderCount)
  return { before, entry, after: at(acceptance.lot, entry), expected: acceptance.ledger }
}

// Terms replaced before the first bid have used up sequences too, so a ledger may start late;
// and one with a retracted bid taken out has a gap. The entries know their places.
function at(lot: Lot, entry: LedgerEntry): Lot {
  return lot.sequence === entry.sequence ? lot : { ...lot, sequence: entry.sequence }
}

function unbid(terms: LotTerms, entries: readonly LedgerEntry[]): Lot {
  return openLot(terms, (entries[0]?.sequence ?? 1) - 1)
}
