import { type Acceptance, accept } from './accept.ts'
import type {
  BidEntry,
  LedgerEntry,
  OutageEntry,
  PurchaseEntry,
  ReleaseEntry,
  TermsEntry,
} from './ledger.ts'
import { type Lot, openLot } from './lot.ts'
import { extendAfterOutage } from './outage.ts'
import { buy, release } from './purchase.ts'
import type { BidSettings } from './settings.ts'
import { lowerReserve, type OriginalTerms } from './terms.ts'

/** An entry that a replay decides again; the others come out of it. */
export type InputEntry = BidEntry | TermsEntry | OutageEntry | PurchaseEntry | ReleaseEntry

/** One step of a replay: what the ledger says, and what it should say. */
export interface ReplayStep {
  readonly before: Lot
  readonly entry: InputEntry
  readonly after: Lot
  readonly expected: readonly LedgerEntry[]
}

/**
 * The lot that a ledger adds up to, from the terms the first bid met and entries in sequence
 * order. Only bids, changes of terms, outages, purchases and the ends of reservations are read: prices, leaders,
 * ends and counter-bids are results and come out again. Whether it was closed is not in the ledger, unless a
 * purchase ended it at once, so it comes out open or reserved.
 */
export function fold(
  terms: OriginalTerms,
  entries: readonly LedgerEntry[],
  settings: BidSettings,
): Lot {
  let lot = unbid(terms, entries)
  for (const step of replay(terms, entries, settings)) lot = step.after
  return lot
}

/** The same, step by step. */
export function* replay(
  terms: OriginalTerms,
  entries: readonly LedgerEntry[],
  settings: BidSettings,
): Generator<ReplayStep> {
  const numbers = new Map<string, number>()
  let before = unbid(terms, entries)
  for (const entry of afterOpening(terms, entries)) {
    if (entry.kind === 'auto') continue
    const step = next(before, entry, numbers, settings)
    yield step
    before = step.after
  }
}

function next(
  before: Lot,
  entry: InputEntry,
  numbers: Map<string, number>,
  settings: BidSettings,
): ReplayStep {
  if (entry.kind === 'terms') {
    const change = lowerReserve(before, entry)
    return { before, entry, after: at(change.lot, entry), expected: [change.entry] }
  }
  if (entry.kind === 'outage') {
    const extension = extendAfterOutage(before, entry)
    return { before, entry, after: at(extension.lot, entry), expected: [extension.entry] }
  }
  if (entry.kind === 'buy_now') {
    const bought = buy(before, entry, entry.decidedAtMs)
    return { before, entry, after: at(bought.lot, entry), expected: [bought.entry] }
  }
  if (entry.kind === 'release') {
    const { lot, entry: expected } = release(before, entry.reason, entry.decidedAtMs)
    return { before, entry, after: at(lot, entry), expected: [expected] }
  }
  const { bidId, bidderId, maxAmount } = entry
  const bidderNumber = numbers.get(bidderId)
  const bid = { bidId, bidderId, bidderNumber, maxAmount }
  const acceptance = accept(before, bid, entry.decidedAtMs, settings)
  if (bidderNumber === undefined) numbers.set(bidderId, acceptance.lot.bidderCount)
  const isCounted = entry.silentRaise === 0 && !acceptance.isPublic
  const { lot, ledger } = isCounted ? counted(before, acceptance) : acceptance
  return { before, entry, after: at(lot, entry), expected: ledger }
}

/** A silent raise as versions before ADR 0034 recorded it: like a bid that all may see. */
function counted(before: Lot, { lot, ledger }: Acceptance): Pick<Acceptance, 'lot' | 'ledger'> {
  const { silentRaises } = before
  const sequence = before.sequence + 1
  return {
    lot: { ...lot, bidCount: before.bidCount + 1, silentRaises, sequence },
    ledger: ledger.map((entry) =>
      'bidId' in entry ? { ...entry, sequence, silentRaise: 0 } : entry,
    ),
  }
}

// Terms replaced before the first bid have used up sequences too, so a ledger may start late;
// and one with a retracted bid taken out has a gap. The entries know their places.
function at(lot: Lot, entry: LedgerEntry): Lot {
  return lot.sequence === entry.sequence ? lot : { ...lot, sequence: entry.sequence }
}

/** The lot before the first entry; without entries its sequence is the one given. */
export function unbid(
  { outage, ...terms }: OriginalTerms,
  entries: readonly LedgerEntry[],
  sequence = 0,
): Lot {
  const [first] = afterOpening({ ...terms, outage }, entries)
  return openLot(terms, first === undefined ? sequence : first.sequence - 1, outage)
}

/** The entries but an outage before the first bid, which the terms bring with them. */
export function afterOpening(
  { outage }: OriginalTerms,
  entries: readonly LedgerEntry[],
): readonly LedgerEntry[] {
  return outage === undefined ? entries : entries.filter(({ kind }) => kind !== 'outage')
}
