import { currencyCodes, formatAmount, MAX_MINOR_UNITS } from '@auction/common/money.ts'
import t from 'tap'
import { dollars, parseAmountsByCurrency } from '#src/domain/currency-worth.ts'
import { createBidSettings } from '#src/domain/settings.ts'

t.test('every currency has a worth, and an amount in it is never too large', async (t) => {
  for (const currencyCode of currencyCodes()) {
    const hundred = dollars(1n, currencyCode)
    t.ok(hundred > 0n && hundred < MAX_MINOR_UNITS, currencyCode)
    t.ok(dollars(1_000_000_000_000n, currencyCode) === MAX_MINOR_UNITS, currencyCode)
  }
  t.throws(() => dollars(1n, 'XXX'), RangeError)
})

t.test('a hundred dollars in currencies of each number of decimals', async (t) => {
  const written = (currencyCode: string) => formatAmount(dollars(1n, currencyCode), currencyCode)
  t.strictSame(['USD', 'GBP', 'JPY', 'KRW', 'TRY', 'VND', 'KWD', 'BHD', 'CLF'].map(written), [
    '100.00',
    '100.00',
    '10000',
    '100000',
    '5000.00',
    '2000000',
    '20.000',
    '50.000',
    '2.0000',
  ])
})

t.test(
  'the highest bid is worth the same in every currency, and the operator may choose it',
  async (t) => {
    const absoluteCaps = parseAmountsByCurrency('{"TRY":"40000.50"}', 'BID_ABSOLUTE_CAPS')
    const { rulesFor } = createBidSettings({ absoluteCaps })
    t.equal(rulesFor('USD').absoluteCap, 100_000_000_000n)
    t.equal(rulesFor('KWD').absoluteCap, 200_000_000_000n)
    t.equal(rulesFor('JPY').absoluteCap, 100_000_000_000n)
    t.equal(rulesFor('TRY').absoluteCap, 4_000_050n)
  },
)

t.test('amounts by currency that are wrong are refused with what is wrong', async (t) => {
  const wrong: [string, RegExp][] = [
    ['[]', /CAPS must be an object/],
    ['null', /CAPS must be an object/],
    ['{"XXX":"1"}', /unknown currency XXX/],
    ['{"USD":1}', /USD is wrong \(not_a_string\)/],
    ['{"JPY":"1.5"}', /JPY is wrong \(too_many_decimals\)/],
    ['{"USD":"0"}', /USD is wrong \(not_positive\)/],
    ['{', /JSON/],
  ]
  for (const [json, message] of wrong)
    t.throws(() => parseAmountsByCurrency(json, 'CAPS'), { message }, json)
})
