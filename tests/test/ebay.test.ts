import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readAuctions } from '#src/replay/ebay-auctions.ts'
import { judgedPrice, readExpected } from '#src/replay/expected.ts'

const data = (name: string) => fileURLToPath(new URL(`../data/${name}`, import.meta.url))

t.test('136 recorded auctions end where the reference in another language ends them', async (t) => {
  const auctions = readAuctions(data('ebay-cartier-auctions.csv'))
  const expected = readExpected(data('ebay-expected.json'))
  const counts = { 'at the price': 0, below: 0, above: 0 }
  for (const auction of auctions) {
    const price = judgedPrice(auction)
    t.equal(price, expected.get(auction.id), auction.id)
    const difference = Number(price) - Number(auction.price)
    counts[difference === 0 ? 'at the price' : difference < 0 ? 'below' : 'above'] += 1
  }
  // The twenty below had a hidden reserve, which the recording does not contain.
  t.strictSame(counts, { 'at the price': 116, below: 20, above: 0 })
})
