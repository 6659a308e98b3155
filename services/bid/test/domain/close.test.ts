import t from 'tap'
import { close } from '#src/domain/close.ts'
import { effectivePhase, type Lot, openLot } from '#src/domain/lot.ts'
import { ENDS_AT_MS, makeTerms, play, STARTS_AT_MS } from './auction.ts'

t.test('a lot is not closed before its end, nor before the grace is over', async (t) => {
  const { lot } = play()
  t.strictSame(close(lot, ENDS_AT_MS - 1), { outcome: 'refused', reason: 'not_due' })
  t.strictSame(close(lot, ENDS_AT_MS + 1999, 2000), { outcome: 'refused', reason: 'not_due' })
  t.equal(close(lot, ENDS_AT_MS + 2000, 2000).outcome, 'no_bids')
})

t.test('the leader wins at the visible price, not at his maximum', async (t) => {
  const auction = play()
  auction.accepted('A', 2500n)
  auction.accepted('B', 9000n)
  auction.accepted('C', 4000n)
  t.match(close(auction.lot, ENDS_AT_MS), {
    outcome: 'sold',
    winnerId: 'B',
    finalAmount: 4050n,
    lot: {
      phase: 'closed',
      outcome: 'sold',
      winnerId: 'B',
      finalAmount: 4050n,
      sequence: 4,
      buyNowAvailable: false,
    },
  })
})

t.test('of equal highest maxima the earliest wins', async (t) => {
  const auction = play()
  auction.accepted('A', 2500n)
  auction.accepted('B', 2500n)
  t.match(close(auction.lot, ENDS_AT_MS), { winnerId: 'A', finalAmount: 2500n })
})

t.test('below the reserve there is no winner', async (t) => {
  const auction = play({ reservePrice: 5000n, buyNowPrice: 9000n })
  auction.accepted('A', 4999n)
  t.match(close(auction.lot, ENDS_AT_MS), {
    outcome: 'reserve_not_met',
    lot: { winnerId: null, finalAmount: null, buyNowAvailable: false, currentPrice: 4999n },
  })
})

t.test('a lot without bids ends without a winner', async (t) => {
  t.match(close(openLot(makeTerms()), ENDS_AT_MS), {
    outcome: 'no_bids',
    lot: { phase: 'closed', outcome: 'no_bids', winnerId: null, finalAmount: null, sequence: 1 },
  })
})

t.test('a lot is closed once, and only if it is open', async (t) => {
  const { lot } = play()
  for (const phase of ['reserved', 'closed', 'cancelled'] as const) {
    const verdict = close({ ...lot, phase }, ENDS_AT_MS)
    t.strictSame(verdict, { outcome: 'refused', reason: 'not_open' })
  }
})

t.test('an extended lot is due at its new end', async (t) => {
  const auction = play({
    extensionThresholdMs: 1000,
    extensionDurationMs: 1000,
    maxTotalExtensionMs: 5000,
  })
  auction.accepted('A', 1000n, ENDS_AT_MS - 1)
  t.equal(close(auction.lot, ENDS_AT_MS + 999).outcome, 'refused')
  t.equal(close(auction.lot, ENDS_AT_MS + 1000).outcome, 'sold')
})

t.test('time alone makes an open lot pending or closing', async (t) => {
  const lot = openLot(makeTerms())
  t.equal(effectivePhase(lot, STARTS_AT_MS - 1), 'pending')
  t.equal(effectivePhase(lot, STARTS_AT_MS), 'open')
  t.equal(effectivePhase(lot, ENDS_AT_MS - 1), 'open')
  t.equal(effectivePhase(lot, ENDS_AT_MS), 'closing')
  const cancelled: Lot = { ...lot, phase: 'cancelled' }
  t.equal(effectivePhase(cancelled, STARTS_AT_MS - 1), 'cancelled')
})
