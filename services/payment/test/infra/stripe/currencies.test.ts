import t from 'tap'
import { fromStripe, readStripe, stripeProblemOf, toStripe } from '#src/infra/stripe/currencies.ts'

const money = (amount: bigint, currencyCode: string) => ({ amount, currencyCode })

t.test('amounts are converted to literal numbers of Stripe, exactly', (t) => {
  t.same(toStripe(money(1850n, 'EUR')), { amount: 1850, currency: 'eur' })
  t.same(toStripe(money(6000n, 'JPY')), { amount: 6000, currency: 'jpy' })
  t.same(toStripe(money(12_340n, 'KWD')), { amount: 12_340, currency: 'kwd' })
  // Two digits of ours, none of Stripe's.
  t.same(toStripe(money(500n, 'MGA')), { amount: 5, currency: 'mga' })
  t.same(fromStripe(5, 'mga'), money(500n, 'MGA'))
  t.same(fromStripe(6000, 'jpy'), money(6000n, 'JPY'))
  t.end()
})

t.test('what Stripe cannot take exactly is refused, never rounded', (t) => {
  t.equal(stripeProblemOf(money(550n, 'MGA')), 'amount')
  t.equal(stripeProblemOf(money(12_345n, 'KWD')), 'amount')
  t.equal(stripeProblemOf(money(0n, 'EUR')), 'amount')
  t.equal(stripeProblemOf(money(100_000_000n, 'EUR')), 'amount')
  t.equal(stripeProblemOf(money(1n, 'JPY')), undefined)
  t.throws(() => toStripe(money(550n, 'MGA')), /does not take 550 MGA/)
  t.end()
})

t.test('a currency outside the list is refused in both directions', (t) => {
  for (const code of ['ISK', 'UGX', 'XXX', 'CLF'])
    t.equal(stripeProblemOf(money(100n, code)), 'currency')
  t.throws(() => fromStripe(100, 'isk'), /answered 100 isk/)
  t.throws(() => fromStripe(1.5, 'eur'), /answered 1.5 eur/)
  t.end()
})

t.test('an amount of another currency can be read by those who compare books', (t) => {
  t.equal(readStripe(5000, 'isk'), '5000 minor units')
  t.equal(readStripe(0, 'isk'), 0n)
  t.equal(readStripe(5, 'mga'), 500n)
  t.end()
})
