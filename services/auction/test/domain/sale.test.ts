import t from 'tap'
import { type Buyer, type SaleState, settleSale } from '#src/domain/sale.ts'

const buyer = (buyerId: string, changes: Partial<Buyer> = {}): Buyer => ({
  buyerId,
  price: 100n,
  soldAt: new Date(1_000),
  isOffer: false,
  isCancelled: false,
  reason: null,
  ...changes,
})

const SOLD: SaleState = { status: 'sold', buyerId: 'ann', endPrice: 100n, endReason: 'sold' }
const EXPIRED: SaleState = { ...SOLD, status: 'expired', endReason: 'unpaid' }
const gone = buyer('ann', { isCancelled: true, reason: 'unpaid' })

t.test(
  'an item whose order was cancelled is not sold, and is again when it is reopened',
  async (t) => {
    t.strictSame(settleSale(SOLD, [gone]), EXPIRED)
    t.strictSame(settleSale(EXPIRED, [buyer('ann')]), SOLD)
    t.equal(settleSale(SOLD, [buyer('ann')]), SOLD)
  },
)

t.test('an offer that was accepted sells it, whichever event came first', async (t) => {
  const ben = buyer('ben', { price: 80n, soldAt: new Date(2_000), isOffer: true })
  const expected = { status: 'sold', buyerId: 'ben', endPrice: 80n, endReason: 'offer' }
  t.strictSame(settleSale(EXPIRED, [gone, ben]), expected)
  t.strictSame(settleSale(SOLD, [ben]), expected, 'before the cancellation is known')
  const unmet = {
    status: 'expired',
    buyerId: null,
    endPrice: null,
    endReason: 'reserve_not_met',
  } as const
  t.strictSame(settleSale(unmet, [ben]), expected)
  // Of a cancellation without its sale nothing follows yet.
  const unknown = buyer('ben', { price: null, isCancelled: true, reason: 'unpaid' })
  t.equal(settleSale(SOLD, [unknown]), SOLD)
})

t.test('what was removed or withdrawn stays so', async (t) => {
  for (const status of ['removed', 'cancelled', 'active'] as const) {
    const item = { ...SOLD, status }
    t.equal(settleSale(item, [gone]), item)
  }
})
