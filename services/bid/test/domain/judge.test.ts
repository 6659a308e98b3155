import t from 'tap'
import { parseAmountsByCurrency } from '#src/domain/currency-worth.ts'
import type { Bid, RefusalCode } from '#src/domain/judge.ts'
import { judge } from '#src/domain/judge.ts'
import { type Lot, minNextBid, openLot } from '#src/domain/lot.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import {
  ENDS_AT_MS,
  expectRefusal,
  makeBid,
  makeTerms,
  play,
  SETTINGS,
  STARTS_AT_MS,
} from './auction.ts'

t.test('of several reasons to refuse, the first in the order of R-BID-1 is given', async (t) => {
  const lot: Lot = { ...openLot(makeTerms({ buyNowPrice: 50_000n })), phase: 'reserved' }
  const wrong: Bid = {
    bidId: 'bid',
    bidderId: 'seller',
    bidderStanding: 'suspended',
    maxAmount: { invalid: 'too_many_decimals' },
    currencyCode: 'EUR',
    termsVersion: 7,
    confirmed: false,
  }
  // Each step repairs what the last refusal named, until nothing is left to refuse.
  const steps: [RefusalCode, Partial<Lot>, Partial<Bid>, number][] = [
    ['bid.user_suspended', { phase: 'cancelled' }, {}, STARTS_AT_MS - 1],
    ['bid.own_item', {}, { bidderStanding: 'ok' }, STARTS_AT_MS - 1],
    ['bid.not_active', {}, { bidderId: 'A' }, STARTS_AT_MS - 1],
    ['bid.not_started', { phase: 'reserved' }, {}, STARTS_AT_MS - 1],
    ['bid.ended', {}, {}, ENDS_AT_MS],
    ['item.reserved', {}, {}, STARTS_AT_MS],
    ['bid.currency_mismatch', { phase: 'open' }, {}, STARTS_AT_MS],
    ['bid.amount_invalid', {}, { currencyCode: 'USD' }, STARTS_AT_MS],
    ['bid.terms_changed', {}, { maxAmount: 50_000n }, STARTS_AT_MS],
    ['bid.exceeds_buy_now', {}, { termsVersion: 1 }, STARTS_AT_MS],
    ['bid.too_low', {}, { maxAmount: 999n }, STARTS_AT_MS],
    ['bid.confirmation_required', {}, { maxAmount: 49_999n }, STARTS_AT_MS],
  ]
  let state = { ...lot }
  let bid = wrong
  for (const [code, lotChange, bidChange, nowMs] of steps) {
    state = { ...state, ...lotChange }
    bid = { ...bid, ...bidChange }
    t.equal(expectRefusal(judge(state, bid, nowMs, SETTINGS)).code, code)
  }
  t.equal(judge(state, { ...bid, confirmed: true }, STARTS_AT_MS, SETTINGS).outcome, 'leading')
})

t.test('the refusal of a bidder who may not bid has the reason', async (t) => {
  const lot = openLot(makeTerms())
  const codeFor = (bidderStanding: NonNullable<Bid['bidderStanding']>) =>
    expectRefusal(judge(lot, makeBid('A', 1000n, { bidderStanding }), STARTS_AT_MS, SETTINGS)).code
  t.equal(codeFor('suspended'), 'bid.user_suspended')
  t.equal(codeFor('not_verified'), 'bid.not_verified')
  t.equal(codeFor('blocked_by_seller'), 'bid.blocked_by_seller')
})

t.test('a closed lot has ended after its end and is not active before it', async (t) => {
  const lot: Lot = { ...openLot(makeTerms()), phase: 'closed', outcome: 'bought_now' }
  const at = (nowMs: number) => expectRefusal(judge(lot, makeBid('A', 1000n), nowMs, SETTINGS)).code
  t.equal(at(ENDS_AT_MS - 1), 'bid.not_active')
  t.equal(at(ENDS_AT_MS), 'bid.ended')
})

t.test('bids of the other auction types are not taken here', async (t) => {
  for (const type of ['sealed_first', 'sealed_second', 'dutch', 'reverse'] as const) {
    const verdict = judge(openLot(makeTerms({ type })), makeBid('A', 1000n), STARTS_AT_MS, SETTINGS)
    t.equal(expectRefusal(verdict).code, 'bid.not_active')
  }
})

t.test('a refusal carries what the bidder needs to do better', async (t) => {
  const auction = play({ buyNowPrice: 9000n, reservePrice: 5000n })
  const details = (maxAmount: bigint, nowMs = STARTS_AT_MS, changes: Partial<Bid> = {}) =>
    expectRefusal(auction.bid('A', maxAmount, nowMs, changes)).details
  t.strictSame(details(999n), { minNextBid: 1000n })
  t.strictSame(details(9000n), { buyNowPrice: 9000n })
  t.strictSame(details(1000n, STARTS_AT_MS - 1), { startsAtMs: STARTS_AT_MS })
  t.strictSame(details(1000n, ENDS_AT_MS), { endsAtMs: ENDS_AT_MS })
  t.strictSame(details(1000n, STARTS_AT_MS, { currencyCode: 'GBP' }), { currencyCode: 'USD' })
  t.strictSame(details(1000n, STARTS_AT_MS, { termsVersion: 2 }), { termsVersion: 1 })
  t.strictSame(details(0n), { reason: 'not_positive' })
  t.strictSame(details(1n, STARTS_AT_MS, { maxAmount: { invalid: 'format' } }), {
    reason: 'format',
  })
  const other = play()
  t.strictSame(expectRefusal(other.bid('A', 10_000n, STARTS_AT_MS, { confirmed: false })).details, {
    price: 1000n,
  })
})

t.test('an unusually high maximum must be confirmed', async (t) => {
  const unconfirmed = (auction: ReturnType<typeof play>, bidder: string, maxAmount: bigint) =>
    auction.bid(bidder, maxAmount, STARTS_AT_MS, { confirmed: false })

  t.test('only above five times the price, which before the first bid is the start', async (t) => {
    const auction = play({ startPrice: 3000n })
    t.equal(expectRefusal(unconfirmed(auction, 'A', 15_001n)).code, 'bid.confirmation_required')
    t.equal(unconfirmed(auction, 'A', 15_000n).outcome, 'leading')
    auction.accepted('B', 8000n)
    t.equal(auction.lot.currentPrice, 8050n)
    t.equal(unconfirmed(auction, 'B', 40_250n).outcome, 'leading')
  })

  t.test('only from what is worth about a hundred dollars, in any currency', async (t) => {
    const cases: [string, bigint][] = [
      ['USD', 10_000n],
      ['JPY', 10_000n],
      ['KWD', 20_000n],
      ['IDR', 200_000_000n],
    ]
    for (const [currencyCode, threshold] of cases) {
      const auction = play({ currencyCode, startPrice: 10n, bidIncrement: 1n })
      t.equal(
        expectRefusal(unconfirmed(auction, 'A', threshold)).code,
        'bid.confirmation_required',
        currencyCode,
      )
      t.equal(unconfirmed(auction, 'A', threshold - 1n).outcome, 'leading', currencyCode)
    }
    const yen = play({ currencyCode: 'JPY', startPrice: 150n, bidIncrement: null })
    t.equal(unconfirmed(yen, 'A', 900n).outcome, 'leading', '900 yen on 150 are no slip')
    const dinars = play({ currencyCode: 'KWD', startPrice: 15_000n, bidIncrement: null })
    const { code } = expectRefusal(unconfirmed(dinars, 'A', 90_000n))
    t.equal(code, 'bid.confirmation_required', '90 dinars on 15 are much')
  })

  t.test('but never the minimum that was announced, however large the step', async (t) => {
    const auction = play({ startPrice: 1000n, bidIncrement: 50_000n })
    auction.accepted('A', 1000n)
    t.equal(expectRefusal(unconfirmed(auction, 'B', 51_001n)).code, 'bid.confirmation_required')
    t.equal(unconfirmed(auction, 'B', 51_000n).outcome, 'leading')
  })

  t.test('from the amounts that the operator chose', async (t) => {
    const confirmationThresholds = parseAmountsByCurrency('{"USD":"20"}', 'X')
    const auction = play({ startPrice: 100n }, createBidSettings({ confirmationThresholds }))
    t.equal(expectRefusal(unconfirmed(auction, 'A', 2000n)).code, 'bid.confirmation_required')
    t.equal(unconfirmed(auction, 'A', 1999n).outcome, 'leading')
  })

  t.test('with the factor that the operator chose', async (t) => {
    const settings = createBidSettings({ confirmationFactor: 20 })
    const auction = play({ startPrice: 1000n }, settings)
    t.equal(expectRefusal(unconfirmed(auction, 'A', 20_001n)).code, 'bid.confirmation_required')
    t.equal(unconfirmed(auction, 'A', 20_000n).outcome, 'leading')
  })
})

t.test('a first bid is announced with the start price and outbids no one', async (t) => {
  t.match(play().accepted('A', 2500n), {
    outcome: 'leading',
    kind: 'proxy',
    priceChanged: true,
    leaderChanged: true,
    isPublic: true,
    outbidUserId: null,
    lot: { leaderMax: 2500n, bidCount: 1, bidderCount: 1, sequence: 1 },
    ledger: [{ kind: 'proxy', bidderNumber: 1, price: 1000n, maxAmount: 2500n, sequence: 1 }],
  })
})

t.test('a beaten bid brings one counter-bid of the incumbent, with its trigger', async (t) => {
  const auction = play()
  auction.accepted('A', 2500n)
  const verdict = auction.accepted('B', 1800n)
  t.match(verdict, { outcome: 'outbid', kind: 'manual', outbidUserId: null, leaderChanged: false })
  t.equal(verdict.ledger.length, 2)
  t.match(verdict.ledger[0], { kind: 'manual', bidId: 'bid-2', bidderId: 'B', price: 1850n })
  t.strictSame(verdict.ledger[1], {
    kind: 'auto',
    sequence: 2,
    triggerBidId: 'bid-2',
    bidderId: 'A',
    decidedAtMs: STARTS_AT_MS,
    price: 1850n,
  })
})

t.test('a bid that takes the lead names the bidder who lost it', async (t) => {
  const auction = play()
  auction.accepted('A', 2500n)
  t.match(auction.accepted('B', 2510n), { outbidUserId: 'A', leaderChanged: true, isPublic: true })
})

t.test('a bidder keeps his number however often he bids', async (t) => {
  const auction = play()
  for (const bidder of ['A', 'B', 'A', 'C', 'B']) {
    auction.accepted(bidder, minNextBid(auction.lot, SETTINGS, bidder))
  }
  const bids = auction.ledger.flatMap((entry) => (entry.kind === 'proxy' ? [entry] : []))
  t.strictSame(
    bids.map(({ bidderNumber }) => bidderNumber),
    [1, 2, 1, 3, 2],
  )
  t.equal(auction.lot.bidderCount, 3)
})

t.test('the recorded instant never runs backwards, but the real one decides', async (t) => {
  const auction = play()
  auction.accepted('A', 2000n, STARTS_AT_MS + 5000)
  const late = auction.accepted('B', 3000n, STARTS_AT_MS + 2000.7)
  t.match(late.lot, { lastDecidedAtMs: STARTS_AT_MS + 5000 })
  const next = auction.accepted('C', 4000n, STARTS_AT_MS + 6000.7)
  t.match(next.lot, { lastDecidedAtMs: STARTS_AT_MS + 6000 })
  t.equal(auction.refused('D', 9000n, STARTS_AT_MS - 0.1), 'bid.not_started')
})

t.test('what a bid may cost at most is set by currency', async (t) => {
  const settings = createBidSettings({ absoluteCaps: new Map([['USD', 5000n]]) })
  const auction = play({}, settings)
  t.equal(auction.refused('A', 5001n), 'bid.amount_invalid')
  auction.accepted('A', 5000n)
  t.equal(play({ currencyCode: 'EUR' }, settings).accepted('A', 5001n).outcome, 'leading')
  t.throws(() => createBidSettings({ absoluteCaps: new Map([['USD', 0n]]) }))
  t.throws(() => createBidSettings({ confirmationFactor: 0 }))
  t.throws(() => createBidSettings({ confirmationThresholds: new Map([['USD', -1n]]) }))
})
