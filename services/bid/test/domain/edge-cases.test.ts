import t from 'tap'
import { close } from '#src/domain/close.ts'
import { minNextBid } from '#src/domain/lot.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { ENDS_AT_MS, play, SETTINGS, STARTS_AT_MS } from './auction.ts'

const MINUTE_MS = 60_000
const CAP = 1_000_000_000_000n

t.test('a bid at exactly the end is refused', async (t) => {
  t.equal(play().refused('A', 1000n, ENDS_AT_MS), 'bid.ended')
})

t.test('a bid 1 ms before the end is accepted and extends', async (t) => {
  const auction = play({
    extensionThresholdMs: 10 * MINUTE_MS,
    extensionDurationMs: 5 * MINUTE_MS,
    maxTotalExtensionMs: 60 * MINUTE_MS,
  })
  t.match(auction.accepted('A', 1000n, ENDS_AT_MS - 1), {
    extended: true,
    atHardEnd: false,
    lot: { endsAtMs: ENDS_AT_MS + 5 * MINUTE_MS, extensionCount: 1, originalEndsAtMs: ENDS_AT_MS },
  })
})

t.test('a bid at exactly the start is accepted', async (t) => {
  t.equal(play().accepted('A', 1000n, STARTS_AT_MS).outcome, 'leading')
  t.equal(play().refused('A', 1000n, STARTS_AT_MS - 1), 'bid.not_started')
})

t.test('a seller cannot bid on his own item', async (t) => {
  t.equal(play().refused('seller', 1000n), 'bid.own_item')
})

t.test('of equal maxima the earlier leads', async (t) => {
  const auction = play()
  auction.accepted('A', 2500n)
  t.match(auction.accepted('B', 2500n), {
    outcome: 'outbid',
    lot: { leaderId: 'A', leaderBidId: 'bid-1', currentPrice: 2500n },
  })
})

t.test('after a self-raise the raised maximum ties, and it was set earlier', async (t) => {
  const auction = play()
  auction.accepted('A', 2500n)
  auction.accepted('B', 1800n)
  auction.accepted('A', 4000n)
  t.match(auction.accepted('B', 4000n).lot, {
    leaderId: 'A',
    leaderBidId: 'bid-3',
    currentPrice: 4000n,
  })
})

t.test('a rival whose maximum was there first leads over a later raise to the same', async (t) => {
  const auction = play()
  auction.accepted('A', 2500n)
  auction.accepted('B', 4000n)
  t.match(auction.accepted('A', 4000n).lot, { leaderId: 'B', currentPrice: 4000n })
})

t.test(
  'a leader who raises himself moves nothing, extends nothing and publishes nothing',
  async (t) => {
    const auction = play({ extensionThresholdMs: MINUTE_MS, extensionDurationMs: MINUTE_MS })
    auction.accepted('A', 2500n)
    t.match(auction.accepted('A', 4000n, ENDS_AT_MS - 1), {
      outcome: 'leading',
      isPublic: false,
      priceChanged: false,
      leaderChanged: false,
      outbidUserId: null,
      extended: false,
      atHardEnd: false,
      lot: {
        currentPrice: 1000n,
        leaderMax: 4000n,
        endsAtMs: ENDS_AT_MS,
        bidCount: 1,
        silentRaises: 1,
        sequence: 1,
      },
      ledger: [{ kind: 'proxy', sequence: 1, silentRaise: 1 }],
    })
  },
)

t.test('a leader must raise himself by something, and by a step over the price', async (t) => {
  const auction = play()
  auction.accepted('A', 1000n)
  t.equal(minNextBid(auction.lot, SETTINGS, 'A'), 1050n)
  t.equal(auction.refused('A', 1049n), 'bid.too_low')
  auction.accepted('A', 2500n)
  t.equal(minNextBid(auction.lot, SETTINGS, 'A'), 2501n)
  t.equal(minNextBid(auction.lot, SETTINGS, 'B'), 1050n)
  t.equal(auction.refused('A', 2500n), 'bid.too_low')
  auction.accepted('A', 2501n)
})

t.test('a self-raise over the reserve calls the price up to it, in public', async (t) => {
  const auction = play({
    reservePrice: 10_000n,
    extensionThresholdMs: MINUTE_MS,
    extensionDurationMs: MINUTE_MS,
    maxTotalExtensionMs: MINUTE_MS,
  })
  t.match(auction.accepted('A', 5000n), { reserveJustMet: false, lot: { currentPrice: 5000n } })
  t.match(auction.accepted('A', 15_000n, ENDS_AT_MS - 1), {
    reserveJustMet: true,
    priceChanged: true,
    leaderChanged: false,
    isPublic: true,
    extended: true,
    lot: { currentPrice: 10_000n, reserveMet: true, leaderMax: 15_000n },
  })
  t.match(auction.lot, { bidCount: 2, silentRaises: 0, sequence: 2 })
  t.match(auction.accepted('A', 20_000n), { isPublic: false, lot: { currentPrice: 10_000n } })
  t.match(auction.lot, { bidCount: 2, silentRaises: 1, sequence: 2 })
})

t.test('a maximum equal to the reserve meets it; one minor unit less does not', async (t) => {
  const met = play({ reservePrice: 10_000n }).accepted('A', 10_000n)
  t.match(met, { reserveJustMet: true, lot: { currentPrice: 10_000n, reserveMet: true } })
  const unmet = play({ reservePrice: 10_000n }).accepted('A', 9_999n)
  t.match(unmet, { reserveJustMet: false, lot: { currentPrice: 9_999n, reserveMet: false } })
})

t.test('buy-now is gone when the reserve is met, and stays open while it is not', async (t) => {
  const auction = play({ reservePrice: 3000n, buyNowPrice: 5000n })
  t.equal(auction.lot.buyNowAvailable, true)
  t.equal(auction.accepted('A', 2999n).lot.buyNowAvailable, true)
  t.equal(auction.accepted('A', 3049n).lot.buyNowAvailable, false)
  t.equal(auction.accepted('B', 6000n).lot.buyNowAvailable, false)
})

t.test('a price in yen has no decimals and one in dinars has three', async (t) => {
  const yen = play({ currencyCode: 'JPY', startPrice: 99n, bidIncrement: null })
  yen.accepted('A', 5000n)
  t.equal(yen.accepted('B', 99n + 5n).lot.currentPrice, 104n + 25n)
  const dinars = play({ currencyCode: 'KWD', startPrice: 1000n, bidIncrement: null })
  dinars.accepted('A', 50_000n)
  t.equal(dinars.accepted('B', 1_100n).lot.currentPrice, 1_200n)
})

t.test('the highest amount there is can be bid, tied and won, and not passed', async (t) => {
  const auction = play({}, createBidSettings({ absoluteCaps: new Map([['USD', CAP]]) }))
  t.equal(auction.refused('A', CAP + 1n), 'bid.amount_invalid')
  t.equal(auction.refused('A', 2n ** 53n + 1n), 'bid.amount_invalid')
  t.equal(auction.refused('A', 2n ** 63n - 1n), 'bid.amount_invalid')
  auction.accepted('A', CAP)
  t.match(auction.accepted('B', CAP).lot, { leaderId: 'A', currentPrice: CAP })
  t.equal(auction.refused('B', CAP), 'bid.too_low')
  t.match(close(auction.lot, ENDS_AT_MS), { outcome: 'sold', winnerId: 'A', finalAmount: CAP })
})

t.test('a leader may be beaten by less than a step over his hidden maximum', async (t) => {
  const auction = play()
  auction.accepted('A', 2000n)
  t.match(auction.accepted('B', 2001n).lot, { leaderId: 'B', currentPrice: 2001n })
})

t.test('the step is that of the band the price is in, its lower bound included', async (t) => {
  const auction = play({ bidIncrement: null, startPrice: 499n })
  auction.accepted('A', 499n)
  t.equal(minNextBid(auction.lot, SETTINGS), 524n)
  const inBand = play({ bidIncrement: null, startPrice: 500n })
  inBand.accepted('A', 500n)
  t.equal(minNextBid(inBand.lot, SETTINGS), 550n)
})
