import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@auction/bid/domain/judge.ts'
import { openLot } from '@auction/bid/domain/lot.ts'
import { createBidSettings } from '@auction/bid/domain/settings.ts'
import { formatAmount, parseAmount } from '@auction/common/money.ts'
import t from 'tap'
import { type RecordedAuction, readAuctions } from '#src/ebay-auctions.ts'

const data = (name: string) => fileURLToPath(new URL(`../data/${name}`, import.meta.url))
const settings = createBidSettings()
const DAY_MS = 86_400_000

function minor(text: string): bigint {
  const parsed = parseAmount(text, 'USD')
  if (!parsed.ok) throw new Error(`${text}: ${parsed.reason}`)
  return parsed.minor
}

/** The price at which an auction ends when its bids are judged one after the other. */
function hammerPrice(auction: RecordedAuction): string {
  const numbers = new Map<string, number>()
  let lot = openLot({
    itemId: auction.id,
    sellerId: 'seller',
    type: 'english',
    currencyCode: 'USD',
    termsVersion: 1,
    round: 1,
    startPrice: minor(auction.startPrice),
    bidIncrement: null,
    reservePrice: null,
    buyNowPrice: null,
    startsAtMs: 0,
    endsAtMs: auction.durationDays * DAY_MS,
    extensionThresholdMs: 0,
    extensionDurationMs: 0,
    extensionMode: 'from_end',
    maxTotalExtensionMs: 0,
    maxExtensions: 0,
  })
  for (const [index, { bidder, maxAmount, at }] of auction.bids.entries()) {
    const bid = {
      bidId: String(index),
      bidderId: bidder,
      bidderNumber: numbers.get(bidder),
      maxAmount: minor(maxAmount),
      confirmed: true,
    }
    const verdict = judge(lot, bid, at * auction.durationDays * DAY_MS, settings)
    if (verdict.outcome === 'refused') continue
    lot = verdict.lot
    if (!numbers.has(bidder)) numbers.set(bidder, lot.bidderCount)
  }
  return formatAmount(lot.currentPrice ?? 0n, 'USD')
}

t.test('136 recorded auctions end where the reference in another language ends them', async (t) => {
  const auctions = readAuctions(data('ebay-cartier-auctions.csv'))
  const expected = JSON.parse(readFileSync(data('ebay-expected.json'), 'utf8'))
  const counts = { 'at the price': 0, below: 0, above: 0 }
  for (const auction of auctions) {
    const price = hammerPrice(auction)
    t.equal(price, expected[auction.id].price, auction.id)
    const difference = Number(price) - Number(auction.price)
    counts[difference === 0 ? 'at the price' : difference < 0 ? 'below' : 'above'] += 1
  }
  // The twenty below had a hidden reserve, which the recording does not contain.
  t.strictSame(counts, { 'at the price': 116, below: 20, above: 0 })
})
