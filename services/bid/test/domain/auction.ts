import type { Acceptance } from '#src/domain/accept.ts'
import { type Bid, judge, type Refusal, type RefusalCode, type Verdict } from '#src/domain/judge.ts'
import type { LedgerEntry } from '#src/domain/ledger.ts'
import { type Lot, type LotTerms, openLot } from '#src/domain/lot.ts'
import { createBidSettings } from '#src/domain/settings.ts'

export const SETTINGS = createBidSettings()
export const STARTS_AT_MS = Date.UTC(2026, 0, 10, 12)
export const ENDS_AT_MS = STARTS_AT_MS + 3_600_000

/** The lot of the vectors: starts at 10.00 USD, 0.50 a step, and never extends. */
export function makeTerms(changes: Partial<LotTerms> = {}): LotTerms {
  return {
    itemId: 'item',
    sellerId: 'seller',
    type: 'english',
    currencyCode: 'USD',
    termsVersion: 1,
    round: 1,
    startPrice: 1000n,
    bidIncrement: 50n,
    reservePrice: null,
    buyNowPrice: null,
    buyNowMode: 'immediate',
    buyNowReservationMs: 0,
    deposit: null,
    startsAtMs: STARTS_AT_MS,
    endsAtMs: ENDS_AT_MS,
    extensionThresholdMs: 0,
    extensionDurationMs: 0,
    extensionMode: 'from_end',
    maxTotalExtensionMs: 0,
    maxExtensions: 0,
    ...changes,
  }
}

export function makeBid(bidderId: string, maxAmount: bigint, changes: Partial<Bid> = {}): Bid {
  return { bidId: `${bidderId}-${maxAmount}`, bidderId, maxAmount, confirmed: true, ...changes }
}

/** One auction being played: it keeps the lot, the ledger and the bidders' numbers. */
export interface Play {
  readonly lot: Lot
  readonly ledger: readonly LedgerEntry[]
  bid(bidderId: string, maxAmount: bigint, nowMs?: number, changes?: Partial<Bid>): Verdict
  /** The same, for a bid that must be accepted. */
  accepted(bidderId: string, maxAmount: bigint, nowMs?: number): Acceptance
  /** The same, for a bid that must be refused; answers the code. */
  refused(bidderId: string, maxAmount: bigint, nowMs?: number, changes?: Partial<Bid>): RefusalCode
  /** Puts a lot in place that came about otherwise, with the rows it brought. */
  replace(lot: Lot, rows?: readonly LedgerEntry[]): void
}

export function play(changes: Partial<LotTerms> = {}, settings = SETTINGS): Play {
  let lot = openLot(makeTerms(changes))
  const ledger: LedgerEntry[] = []
  const numbers = new Map<string, number>()
  let calls = 0
  const bid: Play['bid'] = (bidderId, maxAmount, nowMs = STARTS_AT_MS, changes = {}) => {
    calls += 1
    const call = makeBid(bidderId, maxAmount, {
      bidId: `bid-${calls}`,
      bidderNumber: numbers.get(bidderId),
      ...changes,
    })
    const verdict = judge(lot, call, nowMs, settings)
    if (verdict.outcome === 'refused') return verdict
    lot = verdict.lot
    ledger.push(...verdict.ledger)
    if (!numbers.has(bidderId)) numbers.set(bidderId, lot.bidderCount)
    return verdict
  }
  return {
    get lot() {
      return lot
    },
    ledger,
    bid,
    accepted(bidderId, maxAmount, nowMs) {
      const verdict = bid(bidderId, maxAmount, nowMs)
      if (verdict.outcome === 'refused') throw new Error(`refused: ${verdict.code}`)
      return verdict
    },
    refused(bidderId, maxAmount, nowMs, changes) {
      return expectRefusal(bid(bidderId, maxAmount, nowMs, changes)).code
    },
    replace(next, rows = []) {
      lot = next
      ledger.push(...rows)
    },
  }
}

export function expectRefusal(verdict: Verdict): Refusal {
  if (verdict.outcome !== 'refused') throw new Error(`accepted: ${verdict.outcome}`)
  return verdict
}
