import fc from 'fast-check'
import t from 'tap'
import { parsePremiums, premiumOf } from '#src/domain/premium.ts'

const TABLE = parsePremiums(
  '{"USD":[["0",2500],["1000.00",2000],["5000.00",0]],"JPY":[["0",1050]]}',
  'P',
)
const usd = (minor: bigint) => premiumOf(minor, TABLE.get('USD'))

t.test('each part of the price costs the rate of its bracket, and the sum is rounded once', (t) => {
  t.equal(usd(100_000n), 25_000n)
  t.equal(usd(200_000n), 45_000n)
  t.equal(usd(500_000n), 105_000n)
  t.equal(usd(9_000_000n), 105_000n)
  t.equal(usd(1n), 0n)
  t.equal(usd(2n), 1n, 'half a cent is rounded up')
  t.equal(premiumOf(1_009n, TABLE.get('JPY')), 106n)
  t.equal(premiumOf(5_000n, TABLE.get('EUR')), 0n, 'no table, no premium')
  t.end()
})

t.test('a higher price never has a lower premium', (t) => {
  const amount = fc.bigInt({ min: 1n, max: 10n ** 12n })
  fc.assert(
    fc.property(amount, amount, (one, other) => {
      const [low, high] = one < other ? [one, other] : [other, one]
      return usd(low) <= usd(high)
    }),
    { numRuns: 5_000 },
  )
  t.end()
})

t.test('a table that makes no sense stops the process, and is named', (t) => {
  const wrong: [string, RegExp][] = [
    ['', /P: no JSON/],
    ['[]', /P: not an object/],
    ['{"XXX":[["0",1]]}', /XXX is no currency/],
    ['{"USD":[]}', /USD has no brackets/],
    ['{"USD":[["1",100]]}', /begin at 0/],
    ['{"USD":[["0",100],["0",200]]}', /rise/],
    ['{"USD":[["0",5001]]}', /0 to 5000/],
    ['{"USD":[["0",1.5]]}', /0 to 5000/],
    ['{"JPY":[["0.5",100]]}', /"0.5" is no amount/],
  ]
  for (const [text, expected] of wrong) t.throws(() => parsePremiums(text, 'P'), expected, text)
  t.end()
})
