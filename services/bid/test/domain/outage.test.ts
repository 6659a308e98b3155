import t from 'tap'
import { close } from '#src/domain/close.ts'
import { fold } from '#src/domain/fold.ts'
import type { LedgerEntry, OutageEntry } from '#src/domain/ledger.ts'
import { type Lot, openLot, timesExtended } from '#src/domain/lot.ts'
import {
  type BiddingPeriod,
  endAfterOutage,
  extendAfterOutage,
  judgeEnd,
  LAST_MINUTES_MS,
  OUTAGE_MIN_MS,
  outagesBetween,
} from '#src/domain/outage.ts'
import { applyTerms, originalTerms, termsOf } from '#src/domain/terms.ts'
import { verifyLedger } from '#src/domain/verify.ts'
import { ENDS_AT_MS, makeTerms, play, SETTINGS, STARTS_AT_MS } from './auction.ts'

const MINUTE_MS = 60_000
const LONG_AGO_MS = STARTS_AT_MS - 86_400_000
const LATER_MS = ENDS_AT_MS + 86_400_000

/** Bids can be placed all the time but for one gap. */
const periodsAround = (fromMs: number, untilMs: number): BiddingPeriod[] => [
  { sinceMs: LONG_AGO_MS, untilMs: fromMs },
  { sinceMs: untilMs, untilMs: LATER_MS },
]

const judgeAfter = (periods: BiddingPeriod[], lot: Lot = openLot(makeTerms())) =>
  judgeEnd(lot, periods, LATER_MS).outcome

t.test('only more than a minute without a proof is an outage', async (t) => {
  const gap = (ms: number) => outagesBetween(periodsAround(STARTS_AT_MS, STARTS_AT_MS + ms))
  t.strictSame(gap(OUTAGE_MIN_MS), [])
  t.strictSame(gap(OUTAGE_MIN_MS + 1), [
    { fromMs: STARTS_AT_MS, untilMs: STARTS_AT_MS + OUTAGE_MIN_MS + 1 },
  ])
})

t.test('while one of several processes proves it, there is no outage', async (t) => {
  const untilMs = STARTS_AT_MS + 10 * MINUTE_MS
  const [before, after] = periodsAround(STARTS_AT_MS, untilMs) as [BiddingPeriod, BiddingPeriod]
  const other = { sinceMs: STARTS_AT_MS - MINUTE_MS, untilMs }
  t.strictSame(outagesBetween([after, other, before]), [])
  t.equal(outagesBetween([after, before]).length, 1)
})

t.test(
  'an outage counts when it overlaps the last five minutes, not when it touches them',
  async (t) => {
    const from = ENDS_AT_MS - LAST_MINUTES_MS
    const cases: [string, number, number, 'outage' | 'undisturbed'][] = [
      ['before them', from - 120_000, from - 1, 'undisturbed'],
      ['up to them', from - 120_000, from, 'undisturbed'],
      ['into them', from - 120_000, from + 1, 'outage'],
      ['within them, a minute', from + 1, from + 1 + OUTAGE_MIN_MS, 'undisturbed'],
      ['within them, longer', from + 1, from + 2 + OUTAGE_MIN_MS, 'outage'],
      ['all of them and more', from - 1, ENDS_AT_MS + 1, 'outage'],
      ['from the last moment on', ENDS_AT_MS - 1, ENDS_AT_MS + 120_000, 'outage'],
      ['from the end on', ENDS_AT_MS, ENDS_AT_MS + 120_000, 'undisturbed'],
    ]
    for (const [name, fromMs, untilMs, expected] of cases) {
      t.equal(judgeAfter(periodsAround(fromMs, untilMs)), expected, name)
    }
  },
)

t.test('an outage before the start of a short auction does not count', async (t) => {
  const startsAtMs = ENDS_AT_MS - MINUTE_MS
  const lot = openLot(makeTerms({ startsAtMs }))
  t.equal(judgeAfter(periodsAround(startsAtMs - 2 * MINUTE_MS, startsAtMs), lot), 'undisturbed')
  t.equal(judgeAfter(periodsAround(startsAtMs - 2 * MINUTE_MS, startsAtMs + 1), lot), 'outage')
})

t.test('without any proof nothing is known of an outage', async (t) => {
  t.equal(judgeAfter([]), 'undisturbed')
  t.equal(judgeAfter([{ sinceMs: ENDS_AT_MS - 1, untilMs: LATER_MS }]), 'undisturbed')
})

t.test(
  'nothing is decided until it is proved that bids could be placed until the end',
  async (t) => {
    const lot = openLot(makeTerms())
    const judge = (untilMs: number, nowMs: number) =>
      judgeEnd(lot, [{ sinceMs: LONG_AGO_MS, untilMs }], nowMs).outcome
    t.equal(judge(ENDS_AT_MS - 1, ENDS_AT_MS + 2_000), 'unproven', 'an outage may have begun')
    t.equal(judge(ENDS_AT_MS - 1, LATER_MS), 'unproven', 'the outage lasts')
    t.equal(judge(ENDS_AT_MS, ENDS_AT_MS + 2_000), 'undisturbed')
    const ahead = ENDS_AT_MS - MINUTE_MS
    t.equal(judge(ahead - 10_001, ahead), 'unproven', 'before the end bids must be possible now')
    t.equal(judge(ahead - 10_000, ahead), 'undisturbed')
  },
)

t.test(
  'the lot is extended from now on, by its threshold at least, and not all alike',
  async (t) => {
    const extensionMs = 15 * MINUTE_MS
    const ends = Array.from({ length: 200 }, (_, index) =>
      endAfterOutage(openLot(makeTerms({ itemId: `item ${index}` })), LATER_MS, extensionMs),
    )
    t.ok(ends.every((end) => end >= LATER_MS + extensionMs && end < LATER_MS + 2 * extensionMs))
    t.ok(new Set(ends.map((end) => Math.floor(end / 1_000))).size > 100, 'spread over many seconds')
    const lot = openLot(makeTerms({ extensionThresholdMs: 60 * MINUTE_MS }))
    t.ok(endAfterOutage(lot, LATER_MS, extensionMs) >= LATER_MS + 60 * MINUTE_MS)
  },
)

/** Extends a lot for an outage that lasted over its end. */
function extend(lot: Lot, byMs = 20 * MINUTE_MS) {
  return extendAfterOutage(lot, {
    outageFromMs: lot.endsAtMs - 2 * MINUTE_MS,
    outageUntilMs: lot.endsAtMs + MINUTE_MS,
    decidedAtMs: lot.endsAtMs + MINUTE_MS + 500,
    extendedToMs: lot.endsAtMs + byMs,
  })
}

const violations = (ledger: readonly LedgerEntry[], lot: Lot) =>
  verifyLedger(originalTerms(lot, ledger), ledger, lot, SETTINGS)

/** Bids, an outage over the end, and a bid that extends the lot in the ordinary way. */
function playedOut() {
  const auction = play({
    extensionThresholdMs: 5 * MINUTE_MS,
    extensionDurationMs: 5 * MINUTE_MS,
    maxTotalExtensionMs: 7 * MINUTE_MS,
    maxExtensions: 2,
  })
  auction.accepted('A', 2000n)
  auction.accepted('B', 3000n, ENDS_AT_MS - MINUTE_MS)
  const { lot, entry } = extend(auction.lot)
  auction.replace(lot, [entry])
  auction.accepted('A', 4000n, lot.endsAtMs - MINUTE_MS)
  return { auction, entry, before: lot }
}

t.test('the hard end moves with the end, and extensions by bids are counted apart', async (t) => {
  const { auction, before } = playedOut()
  t.equal(before.hardEndsAtMs - before.endsAtMs, 2 * MINUTE_MS, 'as far as before the outage')
  t.match(auction.lot, { endsAtMs: before.endsAtMs + 2 * MINUTE_MS, extensionCount: 2 })
  t.equal(timesExtended(auction.lot), 3)
  t.match(auction.accepted('B', 5000n, auction.lot.endsAtMs - 1), {
    extended: false,
    atHardEnd: true,
  })
  t.strictSame(termsOf(auction.lot).maxTotalExtensionMs, 7 * MINUTE_MS, 'the terms stay')
})

t.test('a lot with an outage is what its ledger adds up to', async (t) => {
  const { auction } = playedOut()
  const { lot, ledger } = auction
  t.strictSame(fold(originalTerms(lot, ledger), ledger, SETTINGS), lot)
  t.strictSame(violations(ledger, lot), [])
  const verdict = close(lot, lot.endsAtMs)
  if (verdict.outcome === 'refused') throw new Error(verdict.reason)
  t.strictSame(violations(ledger, verdict.lot), [])
})

t.test(
  'a bid that waited while the lot was extended is recorded after the extension',
  async (t) => {
    const { auction, before } = playedOut()
    auction.replace(before)
    const { lot } = auction.accepted('A', 4000n, ENDS_AT_MS)
    t.equal(lot.lastDecidedAtMs, before.outageExtendedAtMs)
  },
)

t.test(
  'without bids, terms that keep the end keep the extension, and a new end ends it',
  async (t) => {
    const { lot, entry } = extend(openLot(makeTerms({ maxTotalExtensionMs: MINUTE_MS })))
    const nowMs = lot.endsAtMs - MINUTE_MS
    const replace = (changes: Partial<ReturnType<typeof makeTerms>>) => {
      const verdict = applyTerms(lot, { ...termsOf(lot), termsVersion: 2, ...changes }, nowMs)
      if (verdict.outcome !== 'replaced') throw new Error(verdict.outcome)
      return verdict.lot
    }
    const cheaper = replace({ startPrice: 500n })
    t.match(cheaper, { startPrice: 500n, endsAtMs: lot.endsAtMs, hardEndsAtMs: lot.hardEndsAtMs })
    const later = replace({ endsAtMs: LATER_MS })
    t.match(later, { endsAtMs: LATER_MS, hardEndsAtMs: LATER_MS + MINUTE_MS, outageExtensionMs: 0 })
    for (const replaced of [lot, cheaper, later]) {
      t.strictSame(violations([entry], replaced), [])
      t.equal(
        judgeAfter(periodsAround(replaced.endsAtMs - 2 * MINUTE_MS, LATER_MS), replaced),
        'undisturbed',
      )
      const auction = play()
      auction.replace(replaced, [entry])
      auction.accepted('A', 2000n, nowMs)
      t.strictSame(violations(auction.ledger, auction.lot), [])
      t.strictSame(
        fold(originalTerms(auction.lot, auction.ledger), auction.ledger, SETTINGS),
        auction.lot,
      )
    }
  },
)

t.test('each planted violation of the rule is found', async (t) => {
  const { auction, entry } = playedOut()
  const { lot, ledger } = auction
  const changed = (change: Partial<OutageEntry>) =>
    ledger.map((one) => (one === entry ? { ...entry, ...change } : one))
  const planted: [string, RegExp, readonly LedgerEntry[], Lot][] = [
    ['no outage', /^I18 .*without/, changed({ outageFromMs: entry.outageUntilMs - 59_000 }), lot],
    ['an outage to come', /^I18 .*without/, changed({ outageUntilMs: entry.decidedAtMs + 1 }), lot],
    [
      'an outage long before',
      /^I18 .*overlap/,
      changed({ outageFromMs: STARTS_AT_MS, outageUntilMs: STARTS_AT_MS + 2 * MINUTE_MS }),
      lot,
    ],
    [
      'an outage after the end',
      /^I18 .*overlap/,
      changed({ outageFromMs: entry.previousEndsAtMs }),
      lot,
    ],
    ['an end that fell', /^I18 .*move/, changed({ extendedToMs: entry.previousEndsAtMs }), lot],
    ['another end before', /^I12/, changed({ previousEndsAtMs: entry.previousEndsAtMs - 1 }), lot],
    ['twice', /^I18 .*once/, [...ledger, { ...entry, sequence: lot.sequence + 1 }], lot],
    ['not recorded', /^I12 .*outageExtendedAtMs/, ledger.filter((one) => one !== entry), lot],
    ['recorded only', /^I12 .*outageExtendedAtMs/, ledger, { ...lot, outageExtendedAtMs: null }],
    ['by another time', /^I12 .*outageExtensionMs/, ledger, { ...lot, outageExtensionMs: 1 }],
    ['not kept', /^I12 .*outageExtensionMs/, ledger, { ...lot, outageExtensionMs: 0 }],
  ]
  for (const [name, expected, entries, state] of planted) {
    const found = violations(entries, state)
    t.ok(
      found.some((text) => expected.test(text)),
      `${name}: ${found.join('; ') || 'nothing found'}`,
    )
  }
})
