import t from 'tap'
import { ProviderError } from '#src/domain/provider.ts'
import { fromMollie, mollieProblemOf, readMollie, toMollie } from '#src/infra/mollie/amounts.ts'

const money = (amount: bigint, currencyCode: string) => ({ amount, currencyCode })

t.test('amounts are the texts that Mollie wants, with every digit of their currency', (t) => {
  t.same(toMollie(money(1850n, 'EUR')), { currency: 'EUR', value: '18.50' })
  t.same(toMollie(money(6000n, 'JPY')), { currency: 'JPY', value: '6000' })
  t.same(toMollie(money(5n, 'CHF')), { currency: 'CHF', value: '0.05' })
  t.equal(fromMollie({ currency: 'EUR', value: '18.50' }, 'EUR'), 1850n)
  t.equal(fromMollie({ currency: 'JPY', value: '6000' }, 'JPY'), 6000n)
  t.equal(fromMollie(null, 'EUR'), 0n)
  t.end()
})

t.test('an amount of another currency can be read by those who compare books', (t) => {
  t.equal(readMollie({ currency: 'BGN', value: '18.50' }), '18.50')
  t.equal(readMollie({ currency: 'BGN', value: '0.00' }), 0n)
  t.equal(readMollie({ currency: 'EUR', value: '18.50' }), 1850n)
  t.equal(readMollie(null), 0n)
  t.end()
})

t.test('what is not in the list or no exact amount is refused, in both directions', (t) => {
  for (const code of ['ISK', 'KWD', 'BGN', 'XXX']) {
    t.equal(mollieProblemOf(money(100n, code)), 'currency', code)
  }
  t.equal(mollieProblemOf(money(0n, 'EUR')), 'amount')
  t.throws(() => toMollie(money(100n, 'KWD')), /does not take 100 KWD/)
  for (const [currency, value] of [
    ['EUR', '18.505'],
    ['EUR', '1e3'],
    ['EUR', ''],
    ['USD', '18.50'],
    ['JPY', '1.5'],
  ] as const) {
    const wanted = currency === 'JPY' ? 'JPY' : 'EUR'
    t.throws(() => fromMollie({ currency, value }, wanted), ProviderError)
  }
  t.end()
})
