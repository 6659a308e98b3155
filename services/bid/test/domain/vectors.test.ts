import { readFileSync } from 'node:fs'
import t from 'tap'
import { announcedMinimum, isBuyNowOpen, type LotTerms, minNextBid } from '#src/domain/lot.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { expectRefusal, play, SETTINGS } from './auction.ts'

interface Step {
  by: string
  max: number
  result: 'leading' | 'outbid' | 'too_low'
  price: number | null
  leader: string | null
  minNext: number
  reserveMet: boolean
  buyNow: number | null
}

interface Vector {
  name: string
  config: { start: number; inc?: number; reserve?: number }
  steps: Step[]
}

const VECTORS: Vector[] = JSON.parse(
  readFileSync(new URL('../vectors/proxy.json', import.meta.url), 'utf8'),
)

t.equal(VECTORS.length, 12, 'every shared vector is here')

for (const { name, config, steps } of VECTORS) {
  t.test(name, async (t) => {
    const auction = play({
      startPrice: BigInt(config.start),
      bidIncrement: config.inc === undefined ? null : BigInt(config.inc),
      reservePrice: config.reserve === undefined ? null : BigInt(config.reserve),
    })
    for (const [index, step] of steps.entries()) {
      const verdict = auction.bid(step.by, BigInt(step.max))
      const { lot } = auction
      const shown: Step = {
        by: step.by,
        max: step.max,
        result: verdict.outcome === 'refused' ? 'too_low' : verdict.outcome,
        price: lot.currentPrice === null ? null : Number(lot.currentPrice),
        leader: lot.leaderId,
        minNext: Number(minNextBid(lot, SETTINGS)),
        reserveMet: lot.reserveMet,
        buyNow: lot.buyNowAvailable ? Number(lot.buyNowPrice) : null,
      }
      t.strictSame(shown, step, `step ${index + 1}`)
      if (verdict.outcome === 'refused') t.equal(verdict.code, 'bid.too_low')
    }
  })
}

t.test(
  'V13 buy-now is open until the first bid, and a maximum may pass it afterwards',
  async (t) => {
    const auction = play({ buyNowPrice: 5000n })
    t.equal(auction.refused('A', 5000n), 'bid.exceeds_buy_now')
    auction.accepted('A', 2000n)
    t.equal(auction.lot.buyNowAvailable, false)
    t.match(auction.accepted('B', 6000n), { outcome: 'leading', lot: { currentPrice: 2050n } })
  },
)

t.test('buy-now is gone where a step leads over it, so that bidding goes on', async (t) => {
  const cases: [string, Partial<LotTerms>, bigint, bigint][] = [
    [
      'a step of the seller',
      { startPrice: 10_000n, reservePrice: 12_000n, buyNowPrice: 13_000n, bidIncrement: 5000n },
      10_000n,
      15_000n,
    ],
    [
      'the step of the table',
      { startPrice: 10_000n, reservePrice: 12_900n, buyNowPrice: 13_000n, bidIncrement: null },
      12_800n,
      13_050n,
    ],
    [
      'a step that leads to the price itself',
      { startPrice: 10_000n, reservePrice: 12_900n, buyNowPrice: 13_000n, bidIncrement: 1000n },
      12_000n,
      13_000n,
    ],
  ]
  for (const [name, terms, first, minimum] of cases) {
    const auction = play(terms)
    t.equal(isBuyNowOpen(auction.lot, SETTINGS), true, name)
    auction.accepted('A', first)
    t.match(auction.lot, { currentPrice: first, reserveMet: false })
    t.equal(announcedMinimum(auction.lot, SETTINGS), minimum)
    t.equal(isBuyNowOpen(auction.lot, SETTINGS), false)
    t.match(expectRefusal(auction.bid('B', minimum - 1n)), {
      code: 'bid.too_low',
      details: { minNextBid: minimum },
    })
    t.match(auction.accepted('B', minimum), { lot: { leaderId: 'B', reserveMet: true } })
  }
})

t.test('no minimum is announced where no higher bid is taken', async (t) => {
  const settings = createBidSettings({ absoluteCaps: new Map([['USD', 5000n]]) })
  const auction = play({}, settings)
  auction.accepted('A', 5000n)
  auction.accepted('B', 4950n)
  t.match(auction.lot, { currentPrice: 5000n, leaderId: 'A' })
  t.equal(announcedMinimum(auction.lot, settings), undefined)
  t.strictSame(expectRefusal(auction.bid('B', 5000n)), {
    outcome: 'refused',
    code: 'bid.too_low',
    details: {},
  })
  const dear = play({ startPrice: 5001n }, settings)
  t.equal(announcedMinimum(dear.lot, settings), 5001n, 'a lot that starts above it takes bids')
  t.equal(dear.accepted('A', 100_000n).outcome, 'leading')
})

t.test('V14 with a reserve, buy-now is open until the reserve is met', async (t) => {
  const auction = play({ reservePrice: 3000n, buyNowPrice: 5000n })
  auction.accepted('A', 2000n)
  t.match(auction.lot, { currentPrice: 2000n, reserveMet: false, buyNowAvailable: true })
  t.equal(auction.refused('B', 5000n), 'bid.exceeds_buy_now')
  auction.accepted('B', 4000n)
  t.match(auction.lot, { currentPrice: 3000n, reserveMet: true, buyNowAvailable: false })
})

t.test('V16 after a tie the minimum is a step over the tied maximum', async (t) => {
  const auction = play()
  auction.accepted('A', 2500n)
  auction.accepted('B', 2500n)
  t.equal(auction.refused('C', 2500n), 'bid.too_low')
  t.match(auction.accepted('C', 2550n).lot, { currentPrice: 2550n, leaderId: 'C' })
})
