import t from 'tap'
import type { LotTerms } from '#src/domain/lot.ts'
import { ENDS_AT_MS, play } from './auction.ts'

const MINUTE_MS = 60_000
const SOFT: Partial<LotTerms> = {
  extensionThresholdMs: 10 * MINUTE_MS,
  extensionDurationMs: 5 * MINUTE_MS,
  maxTotalExtensionMs: 60 * MINUTE_MS,
}

const minutes = (endsAtMs: number) => (endsAtMs - ENDS_AT_MS) / MINUTE_MS

t.test('the threshold itself still extends, a millisecond more does not', async (t) => {
  t.equal(play(SOFT).accepted('A', 1000n, ENDS_AT_MS - 10 * MINUTE_MS).extended, true)
  const early = play(SOFT).accepted('A', 1000n, ENDS_AT_MS - 10 * MINUTE_MS - 1)
  t.match(early, { extended: false, atHardEnd: false, lot: { endsAtMs: ENDS_AT_MS } })
})

t.test('from the end: each late bid adds the whole duration', async (t) => {
  const auction = play(SOFT)
  t.equal(minutes(auction.accepted('A', 1000n, ENDS_AT_MS - 1).lot.endsAtMs), 5)
  t.equal(minutes(auction.accepted('B', 2000n, ENDS_AT_MS).lot.endsAtMs), 10)
  t.equal(auction.lot.extensionCount, 2)
})

t.test(
  'from the bid: the others have the duration from then on, never less than before',
  async (t) => {
    const auction = play({ ...SOFT, extensionMode: 'from_bid' })
    const early = auction.accepted('A', 1000n, ENDS_AT_MS - 8 * MINUTE_MS)
    t.match(early, { extended: false, atHardEnd: false, lot: { endsAtMs: ENDS_AT_MS } })
    const exact = auction.accepted('B', 2000n, ENDS_AT_MS - 5 * MINUTE_MS)
    t.match(exact, { extended: false, atHardEnd: false, lot: { extensionCount: 0 } })
    t.equal(minutes(auction.accepted('A', 3000n, ENDS_AT_MS - MINUTE_MS).lot.endsAtMs), 4)
  },
)

t.test('a bid that is beaten at once extends too, for it moved the price', async (t) => {
  const auction = play(SOFT)
  auction.accepted('A', 5000n)
  t.match(auction.accepted('B', 2000n, ENDS_AT_MS - 1), { outcome: 'outbid', extended: true })
})

t.test('a refused bid does not extend', async (t) => {
  const auction = play(SOFT)
  auction.refused('A', 1n, ENDS_AT_MS - 1)
  t.match(auction.lot, { endsAtMs: ENDS_AT_MS, extensionCount: 0 })
})

t.test('a cap shorter than the duration shortens the extension', async (t) => {
  const auction = play({ ...SOFT, maxTotalExtensionMs: 2 * MINUTE_MS })
  const verdict = auction.accepted('A', 1000n, ENDS_AT_MS - 1)
  t.match(verdict, { extended: true, atHardEnd: false })
  t.equal(minutes(verdict.lot.endsAtMs), 2)
})

t.test('at the hard end a bid stands but nothing extends', async (t) => {
  for (const extensionMode of ['from_end', 'from_bid'] as const) {
    const auction = play({ ...SOFT, extensionMode, maxTotalExtensionMs: 2 * MINUTE_MS })
    auction.accepted('A', 1000n, ENDS_AT_MS - 1)
    const hardEndsAtMs = ENDS_AT_MS + 2 * MINUTE_MS
    t.match(auction.accepted('B', 2000n, hardEndsAtMs - 1), {
      outcome: 'leading',
      extended: false,
      atHardEnd: true,
      lot: { endsAtMs: hardEndsAtMs, extensionCount: 1, leaderId: 'B' },
    })
    t.equal(auction.refused('A', 9000n, hardEndsAtMs), 'bid.ended')
  }
})

t.test('a number of extensions that is used up is an end for good', async (t) => {
  const auction = play({ ...SOFT, maxExtensions: 1 })
  t.equal(auction.accepted('A', 1000n, ENDS_AT_MS - 1).extended, true)
  t.match(auction.accepted('B', 2000n, ENDS_AT_MS + 1), { extended: false, atHardEnd: true })
})

t.test('the ledger keeps which bid extended and to when', async (t) => {
  const auction = play(SOFT)
  auction.accepted('A', 1000n)
  auction.accepted('B', 2000n, ENDS_AT_MS - 1)
  t.match(auction.ledger, [
    { bidderId: 'A', extendedToMs: null },
    { bidderId: 'B', extendedToMs: ENDS_AT_MS + 5 * MINUTE_MS },
  ])
})

t.test(
  'an end counted from a bid is a whole millisecond, so that every store keeps it',
  async (t) => {
    const auction = play({ ...SOFT, extensionMode: 'from_bid' })
    const verdict = auction.accepted('A', 1000n, ENDS_AT_MS - 1000.4)
    t.equal(verdict.lot.endsAtMs, ENDS_AT_MS - 1001 + 5 * MINUTE_MS)
  },
)
