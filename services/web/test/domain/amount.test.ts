import t from 'tap'
import { readAmount } from '#src/domain/amount.ts'
import type { Locale } from '#src/domain/locale.ts'

const cases: readonly [Locale, string, string][] = [
  ['en', '45', '45'],
  ['en', ' 45.50 ', '45.50'],
  ['en', '1,234.50', '1234.50'],
  ['en', '1,234', '1234'],
  ['en', '12 345.5', '12345.5'],
  ['en', '007', '7'],
  ['en', '100\u200b', '100'],
  ['en', '\u206012.50', '12.50'],
  ['de', '\ufeff1.234,50\u00a0', '1234.50'],
  ['de', '4,5', '4.5'],
  ['de', '1.234,50', '1234.50'],
  ['de', '1.234', '1234'],
  ['de', '1\u00a0234,50', '1234.50'],
  ['de', '45.50', '45.50'],
  ['de', '45.5', '45.5'],
  ['tr', '1.234.567,8', '1234567.8'],
  ['tr', '99.99', '99.99'],
  ['en', "1'234.50", '1234.50'],
  ['tr', "1'234'567", '1234567'],
]
t.test('amounts are read as the readers of each language write them', async (t) => {
  for (const [locale, text, amount] of cases) {
    t.strictSame(readAmount(text, locale), { ok: true, amount }, `${locale} ${text}`)
  }
})

t.test('what may be two amounts, or is none, is refused and never corrected', async (t) => {
  const refused: readonly [Locale, string, string][] = [
    ['en', '', 'missing'],
    ['en', '  ', 'missing'],
    ['en', '\u200b', 'missing'],
    ['en', '4,5', 'ambiguous'],
    ['en', '1.234', 'ambiguous'],
    ['de', '1,234', 'ambiguous'],
    ['en', '1.2.3', 'not_an_amount'],
    ['en', '1,23,456', 'not_an_amount'],
    ['en', '1,234,56', 'not_an_amount'],
    ['de', '1.234.5', 'not_an_amount'],
    ['de', '1.234,5,6', 'not_an_amount'],
    ['en', '-5', 'not_an_amount'],
    ['en', '5-', 'not_an_amount'],
    ['en', '€45', 'not_an_amount'],
    ['en', '1e3', 'not_an_amount'],
    ['en', '12 50', 'ambiguous'],
    ['en', "1'5", 'ambiguous'],
    ['de', '1234 567', 'ambiguous'],
    ['de', '1  234', 'ambiguous'],
    ['de', '1.234 567', 'ambiguous'],
    ['de', '0.500', 'ambiguous'],
    ['en', '0,500', 'ambiguous'],
    ['en', '0 500', 'ambiguous'],
    ['en', '.5', 'not_an_amount'],
    ['en', '5.', 'not_an_amount'],
    ['en', '٤٥', 'not_an_amount'],
    ['en', '9'.repeat(16), 'not_an_amount'],
    ['en', '9'.repeat(10_000), 'not_an_amount'],
  ]
  for (const [locale, text, reason] of refused) {
    t.strictSame(readAmount(text, locale), { ok: false, reason }, `${locale} ${text.slice(0, 20)}`)
  }
})

t.test(
  'a currency of three decimals is read with them, and its groups are not guessed',
  async (t) => {
    t.strictSame(readAmount('1.234', 'en', 3), { ok: true, amount: '1.234' })
    t.strictSame(readAmount('1,234', 'de', 3), { ok: true, amount: '1.234' })
    t.strictSame(readAmount('1 234,567', 'tr', 3), { ok: true, amount: '1234.567' })
    t.strictSame(readAmount('1.234', 'de', 3), { ok: false, reason: 'ambiguous' })
    t.strictSame(readAmount('1,234', 'en', 3), { ok: false, reason: 'ambiguous' })
    t.strictSame(readAmount('1.234', 'en', 2), { ok: false, reason: 'ambiguous' })
  },
)
