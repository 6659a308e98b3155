import t from 'tap'
import { LOCALES } from '#src/domain/locale.ts'
import { numberIn, readNumber } from '#src/domain/number.ts'

t.test('a number that is shown is read back as it was', async (t) => {
  const digits = '123456789012345'
  for (const value of ['0', '-5', '1.5', '0.500', '1234.500', '-0.123456', `${digits}.123456`])
    for (const locale of LOCALES) {
      const shown = numberIn(locale, value)
      t.strictSame(readNumber(shown, locale), { ok: true, amount: value }, `${locale} ${shown}`)
    }
  t.equal(numberIn('de', '1.2.3'), '1.2.3', 'what is no number is left alone')
})

t.test('numbers are read as amounts are, with a sign and without blanks around them', async (t) => {
  t.strictSame(readNumber('1.234,5', 'de'), { ok: true, amount: '1234.5' })
  t.strictSame(readNumber(' −7\u200b', 'en'), { ok: true, amount: '-7' })
  for (const [text = '', reason] of [
    ['', 'missing'],
    ['-', 'missing'],
    ['--5', 'not_an_amount'],
    ['+5', 'not_an_amount'],
    ['-1,234', 'ambiguous'],
    ['5\n6', 'ambiguous'],
  ])
    t.strictSame(readNumber(text, 'en'), { ok: false, reason }, text)
})
