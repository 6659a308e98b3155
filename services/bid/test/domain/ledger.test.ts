import t from 'tap'
import { close } from '#src/domain/close.ts'
import { fold } from '#src/domain/fold.ts'
import type { BidEntry, LedgerEntry } from '#src/domain/ledger.ts'
import type { Lot } from '#src/domain/lot.ts'
import { applyTerms, originalTerms, termsOf } from '#src/domain/terms.ts'
import { verifyLedger } from '#src/domain/verify.ts'
import { ENDS_AT_MS, play, SETTINGS, STARTS_AT_MS } from './auction.ts'

/** A proper auction: leads change, a tie, counter-bids, a lowered reserve, an extension. */
function playedOut() {
  const auction = play({
    reservePrice: 9000n,
    buyNowPrice: 20_000n,
    extensionThresholdMs: 60_000,
    extensionDurationMs: 60_000,
    maxTotalExtensionMs: 90_000,
  })
  auction.accepted('A', 2500n)
  auction.accepted('B', 3000n)
  auction.accepted('C', 5000n, STARTS_AT_MS + 1000)
  const { lot } = auction
  const terms = { ...termsOf(lot), reservePrice: 4000n, termsVersion: 2 }
  const verdict = applyTerms(lot, terms, STARTS_AT_MS + 2000)
  if (verdict.outcome !== 'amended') throw new Error(verdict.outcome)
  auction.replace(verdict.lot, verdict.ledger)
  auction.accepted('C', 8000n, STARTS_AT_MS + 3000)
  auction.accepted('B', 8000n, STARTS_AT_MS + 4000)
  auction.accepted('A', 9000n, STARTS_AT_MS + 5000)
  auction.accepted('B', 8500n, ENDS_AT_MS - 1)
  return auction
}

function violations(ledger: readonly LedgerEntry[], lot: Lot): string[] {
  return verifyLedger(originalTerms(lot, ledger), ledger, lot, SETTINGS)
}

t.test('a lot is what its ledger adds up to', async (t) => {
  const { lot, ledger } = playedOut()
  t.strictSame(fold(originalTerms(lot, ledger), ledger, SETTINGS), lot)
  t.strictSame(violations(ledger, lot), [])
  const verdict = close(lot, lot.endsAtMs)
  if (verdict.outcome === 'refused') throw new Error(verdict.reason)
  t.strictSame(violations(ledger, verdict.lot), [])
})

t.test('a lot without bids has an empty ledger, whatever its sequence', async (t) => {
  const { lot } = play()
  const verdict = applyTerms(lot, { ...termsOf(lot), termsVersion: 2 }, STARTS_AT_MS)
  if (verdict.outcome !== 'replaced') throw new Error(verdict.outcome)
  t.strictSame(violations([], verdict.lot), [])
  const ended = close(verdict.lot, ENDS_AT_MS)
  if (ended.outcome === 'refused') throw new Error(ended.reason)
  t.strictSame(violations([], ended.lot), [])
})

t.test('a ledger that starts after replaced terms is whole', async (t) => {
  const auction = play()
  const terms = { ...termsOf(auction.lot), termsVersion: 2, startPrice: 500n }
  const verdict = applyTerms(auction.lot, terms, STARTS_AT_MS)
  if (verdict.outcome !== 'replaced') throw new Error(verdict.outcome)
  auction.replace(verdict.lot)
  auction.accepted('A', 900n)
  t.match(auction.ledger, [{ sequence: 2 }])
  t.strictSame(violations(auction.ledger, auction.lot), [])
})

t.test('without the retracted bids the next one leads, at the price they leave', async (t) => {
  const auction = play()
  auction.accepted('A', 2000n)
  auction.accepted('B', 5000n)
  auction.accepted('C', 3000n)
  t.match(auction.lot, { currentPrice: 3050n, leaderId: 'B' })
  const terms = originalTerms(auction.lot, auction.ledger)
  const without = (bidderId: string) =>
    fold(
      terms,
      auction.ledger.filter((entry) => !('bidderId' in entry) || entry.bidderId !== bidderId),
      SETTINGS,
    )
  t.match(without('B'), { currentPrice: 2050n, leaderId: 'C', bidCount: 2, sequence: 3 })
  t.match(without('C'), { currentPrice: 2050n, leaderId: 'B' })
  t.match(without('A'), { currentPrice: 3050n, leaderId: 'B' })
})

t.test('a silent raise that a former version counted is part of the ledger as it is', async (t) => {
  const { lot, ledger } = playedOut()
  const raised = ledger.findIndex((entry) => 'silentRaise' in entry && entry.silentRaise === 1)
  // In a former version the raise took a sequence of its own, and so all that came after it was one further.
  const former = ledger.map((entry, index): LedgerEntry => {
    const sequence = index < raised ? entry.sequence : entry.sequence + 1
    return 'silentRaise' in entry ? { ...entry, sequence, silentRaise: 0 } : { ...entry, sequence }
  })
  const counted = { sequence: lot.sequence + 1, bidCount: lot.bidCount + 1, silentRaises: 0 }
  t.strictSame(violations(former, { ...lot, ...counted }), [])
  const auction = play()
  auction.replace({ ...lot, ...counted }, former)
  const { bidCount } = auction.lot
  auction.bid('A', 15_000n, ENDS_AT_MS, { bidderNumber: 1 })
  t.match(auction.lot, { bidCount, sequence: counted.sequence, silentRaises: 1 })
  t.strictSame(violations(auction.ledger, auction.lot), [], 'nor is one of this version after it')
})

t.test('each planted violation is found', async (t) => {
  const { lot, ledger } = playedOut()
  const bids = (change: (entry: BidEntry, index: number) => LedgerEntry): LedgerEntry[] =>
    ledger.map((entry, index) => ('bidId' in entry ? change(entry, index) : entry))
  const first = (change: Partial<BidEntry>) =>
    bids((entry, index) => (index === 0 ? { ...entry, ...change } : entry))
  const last = (change: Partial<BidEntry>) =>
    bids((entry) => (entry.sequence === lot.sequence ? { ...entry, ...change } : entry))
  const isRaise = (entry: LedgerEntry) => 'silentRaise' in entry && entry.silentRaise > 0
  const raise = (change: Partial<BidEntry>) =>
    bids((entry) => (isRaise(entry) ? { ...entry, ...change } : entry))
  const planted: [string, RegExp, readonly LedgerEntry[], Lot][] = [
    ['a gap in the sequence', /^I4 sequence 10/, last({ sequence: 10 }), lot],
    ['a sequence twice', /^I4 sequence 6/, last({ sequence: 6 }), lot],
    ['a lot that counted further', /^I4 lot/, ledger, { ...lot, sequence: 9 }],
    ['a bid below the minimum', /^I5 .* below the minimum/, last({ maxAmount: 2600n }), lot],
    ['a bid before the start', /^I6 .* outside/, first({ decidedAtMs: STARTS_AT_MS - 1 }), lot],
    ['a bid at the end', /^I6 .* outside/, last({ decidedAtMs: ENDS_AT_MS }), lot],
    ['time running backwards', /^I6 .* before/, last({ decidedAtMs: STARTS_AT_MS }), lot],
    ['a bid of the seller', /^I7/, first({ bidderId: 'seller' }), lot],
    ['another leader', /^I12 lot: leaderId/, ledger, { ...lot, leaderId: 'C' }],
    ['another maximum', /^I12 lot: leaderMax/, ledger, { ...lot, leaderMax: 9999n }],
    ['a leader who is not the highest', /^I10/, ledger, { ...lot, leaderId: 'C' }],
    ['a later bid in the lead', /^I10/, ledger, { ...lot, leaderBidId: 'bid-1' }],
    ['a price that is too low', /^I11/, ledger, { ...lot, currentPrice: 8549n }],
    ['a price over the maximum', /^I11/, ledger, { ...lot, currentPrice: 9001n }],
    ['another price', /^I12 lot: currentPrice/, ledger, { ...lot, currentPrice: 8549n }],
    ['another end', /^I12 lot: endsAtMs/, ledger, { ...lot, endsAtMs: ENDS_AT_MS }],
    ['a lost count', /^I12 lot: bidCount/, ledger, { ...lot, bidCount: 4 }],
    ['buy-now come back', /^I12 lot: buyNow/, ledger, { ...lot, buyNowAvailable: true }],
    ['a row lost', /^I12/, ledger.slice(0, -2), lot],
    ['a bid twice', /^I(4|5)/, [...ledger, ...ledger.slice(-2)], lot],
    ['a counter-bid lost', /^I12 ledger/, ledger.filter(({ kind }) => kind !== 'auto'), lot],
    ['another price in the row', /^I12 sequence 7: price/, last({ price: 8549n }), lot],
    ['a silent raise lost', /^I12 lot: silent/, ledger.filter((one) => !isRaise(one)), lot],
    [
      'a silent raise twice',
      /^I5/,
      ledger.flatMap((one) => (isRaise(one) ? [one, one] : [one])),
      lot,
    ],
    ['a silent raise with a sequence', /^I4 sequence 5/, raise({ sequence: 5 }), lot],
    ['a silent raise with another number', /^I12 .*silentRaise/, raise({ silentRaise: 2 }), lot],
    ['a bid that is hidden', /^I12 .*silentRaise/, first({ silentRaise: 1 }), lot],
    ['a lost count of raises', /^I12 lot: silentRaises/, ledger, { ...lot, silentRaises: 0 }],
    ['an extension not written', /^I12 .*extendedToMs/, last({ extendedToMs: null }), lot],
    [
      'a winner of an open lot',
      /^I16/,
      ledger,
      { ...lot, winnerId: 'A', finalAmount: lot.currentPrice },
    ],
  ]
  for (const [name, expected, entries, state] of planted) {
    const found = verifyLedger(originalTerms(lot, ledger), entries, state, SETTINGS)
    t.ok(
      found.some((text) => expected.test(text)),
      `${name}: ${found.join('; ') || 'nothing found'}`,
    )
  }
})

t.test(
  'a sale to the wrong person, at the wrong price or under the reserve is found',
  async (t) => {
    const { lot, ledger } = playedOut()
    const verdict = close(lot, lot.endsAtMs)
    if (verdict.outcome !== 'sold') throw new Error(verdict.outcome)
    const changes: Partial<Lot>[] = [
      { winnerId: 'B' },
      { winnerId: null },
      { finalAmount: 8000n },
      { outcome: 'no_bids', winnerId: null, finalAmount: null },
      { outcome: 'reserve_not_met', winnerId: null, finalAmount: null },
    ]
    for (const change of changes) {
      const found = violations(ledger, { ...verdict.lot, ...change })
      t.ok(
        found.some((text) => text.startsWith('I16')),
        found.join('; '),
      )
    }
  },
)
