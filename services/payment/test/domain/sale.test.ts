import fc from 'fast-check'
import t from 'tap'
import { balanced, type Entry } from '#src/domain/entry.ts'
import {
  type Charges,
  captured,
  capturedInVain,
  disputeLost,
  disputeOpened,
  disputeWon,
  foldSale,
  leftOf,
  providerCost,
  refunded,
  refundFailed,
  refundPaid,
  released,
  returnedInVain,
  type Sale,
  shareDispute,
} from '#src/domain/sale.ts'

const SALE: Sale = {
  paymentId: '0198c0de-0000-7000-8000-00000000000a',
  orderId: '0198c0de-0000-7000-8000-00000000000b',
  sellerId: '0198c0de-0000-7000-8000-00000000000c',
  provider: 'stripe',
  currencyCode: 'EUR',
  sellerGross: 10_000n,
  premium: 1_200n,
}
const CHARGES: Charges = {
  commission: 840n,
  commissionTax: { jurisdiction: 'DE', amount: 160n },
  premiumTax: { jurisdiction: 'DE', amount: 192n },
}
const PENDING = `seller:pending:${SALE.sellerId}`
const PAYABLE = `seller:payable:${SALE.sellerId}`

/** The postings as they are posted, by account. */
function moved(entry: Entry | undefined): Record<string, bigint> {
  const sums: Record<string, bigint> = {}
  for (const { account, amount } of balanced(entry?.postings ?? [])) {
    sums[account] = (sums[account] ?? 0n) + amount
  }
  return sums
}

const fold = (...entries: Entry[]) => foldSale(SALE, entries, false)
/** The same once the order is completed. */
const done = (...entries: Entry[]) => foldSale(SALE, entries, true)

t.test(
  'a capture gives the seller the price less commission and its tax, the platform the rest',
  async (t) => {
    t.same(moved(captured(SALE, CHARGES)), {
      'clearing:stripe': 11_200n,
      [PENDING]: -9_000n,
      'platform:commission': -840n,
      'platform:premium': -1_008n,
      'tax:DE:commission': -160n,
      'tax:DE:premium': -192n,
    })
    t.same(moved(captured({ ...SALE, premium: 0n }, { commission: 0n })), {
      'clearing:stripe': 10_000n,
      [PENDING]: -10_000n,
    })
    t.throws(() => captured(SALE, { commission: 10_001n }), RangeError)
  },
)

t.test('what was captured for an order that is cancelled is owed to the buyer', async (t) => {
  t.same(moved(capturedInVain(SALE)), { 'clearing:stripe': 11_200n, 'refund:due': -11_200n })
  t.same(moved(returnedInVain(SALE)), { 'clearing:stripe': -11_200n, 'refund:due': 11_200n })
})

t.test('what a provider keeps is a cost of the platform', async (t) => {
  const entry = providerCost(SALE, 'txn_1', 35n)
  t.equal(entry.key, 'cost:stripe:txn_1')
  t.same(moved(entry), { 'provider:costs': 35n, 'clearing:stripe': -35n })
})

t.test('a completed order makes what is left payable, once', async (t) => {
  const capture = captured(SALE, CHARGES)
  const release = released(done(capture)) as Entry
  t.same(moved(release), { [PENDING]: 9_000n, [PAYABLE]: -9_000n })
  t.equal(released(done(capture, release)), undefined)
  t.equal(released(fold(capture)), undefined, 'an order that is not completed')
})

t.test(
  'a refund takes from each what it got of it, and the seller gives what is pending first',
  async (t) => {
    const capture = captured(SALE, CHARGES)
    const half = refunded(fold(capture), 'r1', 5_600n)
    t.same(moved(half), {
      'platform:commission': 420n,
      'platform:premium': 504n,
      'tax:DE:commission': 80n,
      'tax:DE:premium': 96n,
      [PENDING]: 4_500n,
      'refund:due': -5_600n,
    })
    const release = released(done(capture, half)) as Entry
    t.same(moved(release), { [PENDING]: 4_500n, [PAYABLE]: -4_500n })
    const rest = refunded(fold(capture, half, release), 'r2', 5_600n)
    t.match(moved(rest), { [PAYABLE]: 4_500n, 'platform:commission': 420n })
    const state = fold(capture, half, release, rest)
    t.match(state, { undone: 11_200n, pending: 0n, payable: 0n })
    for (const { captured, returned } of state.charges) t.equal(returned, captured)
    t.throws(() => refunded(state, 'r3', 1n), RangeError, 'no more than was captured')
    t.throws(() => refunded(fold(capture), 'r3', 0n), RangeError)
  },
)

t.test('a paid refund leaves the provider; a failed one is as if it had not been', async (t) => {
  const capture = captured(SALE, CHARGES)
  const refund = refunded(fold(capture), 'r1', 333n)
  t.same(moved(refundPaid(fold(capture, refund), 'r1', 333n)), {
    'refund:due': 333n,
    'clearing:stripe': -333n,
  })
  const failed = refundFailed(fold(capture, refund), 'r1', refund)
  t.same(fold(capture, refund, failed), fold(capture))
})

t.test(
  'an open dispute holds the money of the seller; won, all is as before; lost, as after a refund',
  async (t) => {
    const capture = captured(SALE, CHARGES)
    const release = released(done(capture)) as Entry
    const dispute = { id: 'd1', amount: 11_200n, fee: 1_500n }
    const opened = disputeOpened(done(capture, release), dispute)
    t.same(moved(opened), {
      'clearing:stripe': -12_700n,
      'dispute:held': 11_200n,
      'provider:costs': 1_500n,
      [PAYABLE]: 9_000n,
      [PENDING]: -9_000n,
    })
    const won = disputeWon(done(capture, release, opened), dispute)
    t.match(fold(capture, release, opened, won), { pending: 0n, payable: 9_000n, undone: 0n })
    const lost = disputeLost(done(capture, release, opened), dispute)
    t.match(fold(capture, release, opened, lost), { pending: 0n, payable: 0n, undone: 11_200n })
    t.match(moved(lost), { 'dispute:held': -11_200n, 'platform:commission': 840n })
  },
)

t.test(
  'a dispute that is open holds the money of an order that is completed meanwhile',
  async (t) => {
    const capture = captured(SALE, CHARGES)
    const dispute = { id: 'd1', amount: 5_000n, fee: 0n }
    const opened = disputeOpened(fold(capture), dispute)
    t.equal(released(done(capture, opened)), undefined)
    const won = disputeWon(done(capture, opened), dispute)
    t.match(done(capture, opened, won), { pending: 0n, payable: 9_000n, openDisputes: 0 })
    const second = { id: 'd2', amount: 6_000n, fee: 0n }
    const alsoOpened = disputeOpened(done(capture, opened), second)
    const lost = disputeLost(done(capture, opened, alsoOpened), second)
    t.equal(
      done(capture, opened, alsoOpened, lost).payable,
      0n,
      'the other one still holds the rest',
    )
  },
)

t.test(
  'a bank that takes what was refunded already takes it from the platform, not from the seller',
  async (t) => {
    const capture = captured(SALE, CHARGES)
    const refund = refunded(fold(capture), 'r1', 1_200n)
    const dispute = { id: 'd1', amount: 11_200n, fee: 0n }
    const opened = disputeOpened(fold(capture, refund), dispute)
    const lost = disputeLost(fold(capture, refund, opened), dispute)
    t.equal(moved(lost)['provider:costs'], 1_200n)
    t.match(fold(capture, refund, opened, lost), { undone: 11_200n, pending: 0n, payable: 0n })
  },
)

t.test(
  'a dispute that is lost after everything was refunded is a cost of the platform',
  async (t) => {
    const capture = captured(SALE, CHARGES)
    const refund = refunded(fold(capture), 'r1', 11_200n)
    const dispute = { id: 'd1', amount: 11_200n, fee: 0n }
    const opened = disputeOpened(fold(capture, refund), dispute)
    const lost = disputeLost(fold(capture, refund, opened), dispute)
    t.match(moved(lost), { 'dispute:held': -11_200n, 'provider:costs': 11_200n })
    t.equal(lost.postings.filter(({ amount }) => amount !== 0n).length, 2)
    t.match(fold(capture, refund, opened, lost), { undone: 11_200n, pending: 0n, payable: 0n })
  },
)

t.test('what a bank holds and what it took cannot be refunded as well', async (t) => {
  const capture = captured(SALE, CHARGES)
  const dispute = { id: 'd1', amount: 1_200n, fee: 0n }
  const opened = disputeOpened(fold(capture), dispute)
  t.equal(leftOf(fold(capture, opened)), 10_000n)
  t.equal(leftOf(fold(capture, opened, disputeWon(fold(capture, opened), dispute))), 11_200n)
  t.equal(leftOf(fold(capture, opened, disputeLost(fold(capture, opened), dispute))), 10_000n)
  const larger = disputeOpened(fold(capture), { id: 'd2', amount: 20_000n, fee: 0n })
  t.equal(leftOf(fold(capture, larger)), 0n)
})

t.test(
  'a dispute is shared by what is left of each order; too much is borne by the last',
  async (t) => {
    const share = (amount: bigint, ...left: bigint[]) =>
      shareDispute(
        left.map((one, index) => ({ orderId: `o${index}`, left: one })),
        amount,
      ).map(({ orderId, amount: part }) => [orderId, part])
    t.same(share(10n, 0n, 10n), [['o1', 10n]], 'the first was refunded')
    t.same(share(12n, 5n, 10n), [
      ['o0', 5n],
      ['o1', 7n],
    ])
    t.same(share(20n, 5n, 10n), [
      ['o0', 5n],
      ['o1', 15n],
    ])
    t.same(share(3n, 0n, 0n), [['o1', 3n]])
  },
)

const step = fc.record({
  kind: fc.constantFrom('refund', 'fail', 'release', 'dispute'),
  size: fc.integer({ min: 1, max: 1_000 }),
  isWon: fc.boolean(),
})

t.test('whatever happens to a sale, every entry balances and the end is exact', async (t) => {
  const property = fc.property(
    fc.bigInt({ min: 1n, max: 3_000n }),
    fc.bigInt({ min: 0n, max: 500n }),
    fc.bigInt({ min: 0n, max: 1_000n }),
    fc.bigInt({ min: 0n, max: 1_000n }),
    fc.array(step, { maxLength: 25 }),
    (sellerGross, premium, commissionParts, premiumParts, steps) => {
      const sale = { ...SALE, sellerGross, premium }
      const commission = (sellerGross * commissionParts) / 2_000n
      const entries = [
        captured(sale, {
          commission,
          commissionTax: { jurisdiction: 'DE', amount: commission / 5n },
          premiumTax: { jurisdiction: 'FR', amount: (premium * premiumParts) / 1_000n },
        }),
      ]
      let isCompleted = false
      const now = () => foldSale(sale, entries, isCompleted)
      const add = (entry: Entry | undefined) => {
        if (entry === undefined) return
        const postings = entry.postings.filter(({ amount }) => amount !== 0n)
        if (postings.length > 0) entries.push({ ...entry, postings: balanced(postings) })
      }
      for (const [index, { kind, size, isWon }] of steps.entries()) {
        const state = now()
        const left = state.total - state.undone
        const amount = left === 0n ? 0n : (left * BigInt(size) + 999n) / 1_000n
        if (kind === 'release') {
          isCompleted = true
          add(released(now()))
        } else if (amount === 0n) continue
        else if (kind === 'dispute') {
          const dispute = { id: `d${index}`, amount: state.total, fee: 15n }
          add(disputeOpened(state, dispute))
          add(isWon ? disputeWon(now(), dispute) : disputeLost(now(), dispute))
        } else {
          const refund = refunded(state, `r${index}`, amount)
          add(refund)
          if (kind === 'fail') add(refundFailed(now(), `r${index}`, refund))
        }
      }
      const state = now()
      if (state.undone < state.total) add(refunded(state, 'last', state.total - state.undone))
      const end = now()
      for (const { captured, returned } of end.charges) {
        if (returned !== captured) throw new Error(`${returned} of ${captured} given back`)
      }
      if (end.pending + end.payable !== 0n)
        throw new Error(`${end.pending} and ${end.payable} left`)
      if (end.undone !== end.total) throw new Error(`${end.undone} of ${end.total} undone`)
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 5_000 }))
})
