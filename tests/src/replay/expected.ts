import { readFileSync } from 'node:fs'
import { judge } from '@auction/bid/domain/judge.ts'
import { openLot } from '@auction/bid/domain/lot.ts'
import { createBidSettings } from '@auction/bid/domain/settings.ts'
import { formatAmount, parseAmount } from '@auction/common/money.ts'
import type { RecordedAuction } from './ebay-auctions.ts'

const settings = createBidSettings()
const DAY_MS = 86_400_000

function minor(text: string): bigint {
  const parsed = parseAmount(text, 'USD')
  if (!parsed.ok) throw new Error(`${text}: ${parsed.reason}`)
  return parsed.minor
}

/** The price at which an auction ends when its bids are judged one after the other. */
export function judgedPrice(auction: RecordedAuction): string {
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
    buyNowMode: 'immediate',
    buyNowReservationMs: 0,
    deposit: null,
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

/** The prices of a file that a reference computed: `{ "<auction id>": { "price": "12.50" } }`. */
export function readExpected(file: string): Map<string, string> {
  const parsed: Record<string, { price: string }> = JSON.parse(readFileSync(file, 'utf8'))
  return new Map(Object.entries(parsed).map(([id, { price }]) => [id, price]))
}
