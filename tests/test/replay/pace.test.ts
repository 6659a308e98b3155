import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type RecordedAuction, readAuctions } from '#src/replay/ebay-auctions.ts'
import {
  choosePace,
  createGovernor,
  durationOf,
  PLAYED_SHARE,
  slower,
  spacingOf,
} from '#src/replay/pace.ts'

const auctions = readAuctions(
  fileURLToPath(new URL('../../data/ebay-cartier-auctions.csv', import.meta.url)),
)

/** When the last answer of an auction comes, if every answer takes so long. */
function lastAnswerMs({ bids }: RecordedAuction, auctionMs: number, answerMs: number): number {
  return bids.reduce(
    (freeMs, { at }) => Math.max(freeMs, at * auctionMs * PLAYED_SHARE) + answerMs,
    0,
  )
}

t.test('every bid is answered before the end, also when answers take four times as long', (t) => {
  for (const bidMs of [1, 20, 300]) {
    const pace = choosePace({ perSecond: 100, bidMs })
    const late = auctions.filter((auction) => {
      const auctionMs = durationOf(auction, pace)
      return lastAnswerMs(auction, auctionMs, 4 * bidMs) >= auctionMs
    })
    t.strictSame(late, [], `answers in ${bidMs} ms`)
  }
  t.end()
})

t.test('many bids in the last moments make an auction longer, bids far apart do not', (t) => {
  const auction = (...at: number[]): RecordedAuction => ({
    id: 'a',
    startPrice: '1.00',
    price: '1.00',
    durationDays: 7,
    bids: at.map((one) => ({ bidder: 'b', maxAmount: '2.00', at: one })),
  })
  const pace = choosePace({ perSecond: 100, bidMs: 100 })
  t.equal(durationOf(auction(0.1, 0.3, 0.5), pace), 6_000)
  t.ok(durationOf(auction(...Array(20).fill(1)), pace) > 20 * 4 * 100)
  t.end()
})

t.test('half of what the platform answers is asked of it', (t) => {
  const pace = choosePace({ perSecond: 200, bidMs: 10 })
  const [auction] = auctions as [RecordedAuction]
  t.equal(spacingOf(auction, pace), ((auction.bids.length + 10) / 100) * 1_000)
  t.equal(spacingOf(auction, slower(pace, 2)), 2 * spacingOf(auction, pace))
  t.end()
})

t.test('the pace slows down while it is played, and is never faster again', (t) => {
  const first = choosePace({ perSecond: 100, bidMs: 10 })
  const answer = (governor: ReturnType<typeof createGovernor>, tookMs: number) => {
    for (let count = 0; count < 200; count += 1) {
      governor.sent(0, 1_000)
      governor.answered(tookMs)
    }
  }
  t.test('when answers take longer than it was chosen for', (t) => {
    const governor = createGovernor(first)
    answer(governor, 9)
    t.equal(governor.pace(), first)
    answer(governor, 50)
    t.match(governor.pace(), { answerMs: 200, shortestMs: 6_000 })
    t.ok(governor.pace().requestsPerSecond < first.requestsPerSecond)
    const slowed = governor.pace()
    answer(governor, 9)
    t.equal(governor.pace(), slowed)
    t.end()
  })
  t.test('when a bid is far behind, once for all that were listed before', (t) => {
    let nowMs = 0
    const governor = createGovernor(first, () => nowMs)
    governor.sent(100, 900)
    t.equal(governor.pace(), first, 'a little is no reason')
    governor.sent(500, 500)
    t.strictSame(governor.pace(), slower(first, 1.5))
    governor.sent(900, 100)
    t.strictSame(governor.pace(), slower(first, 1.5))
    nowMs = 5_000
    governor.sent(900, 100)
    t.strictSame(governor.pace(), slower(slower(first, 1.5), 1.5))
    t.end()
  })
  t.test('and no auction begins while bids wait for their answers', (t) => {
    const governor = createGovernor(first)
    for (let count = 0; count < 51; count += 1) governor.sent(0, 1_000)
    t.equal(governor.mayBegin(), false)
    governor.answered(10)
    t.equal(governor.mayBegin(), true)
    t.end()
  })
  t.end()
})
