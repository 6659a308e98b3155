import t from 'tap'
import { readCode } from '#src/domain/two-factor.ts'

t.test(
  'six digits are a code of the app, with blanks or a dash as people write them',
  async (t) => {
    for (const text of [
      ...['012345', ' 012 345 ', '012-345', '012\u00a0345', '012\u2011345', '012\u2013345'],
      ...['012345\r\n', '\u200b012345\ufeff', '\u2068012345\u2069', '012\u2212345'],
    ]) {
      t.same(readCode(text), { kind: 'totp', code: '012345' })
    }
  },
)

t.test('a recovery code is read in any case, with or without dashes', async (t) => {
  const code = '0123456789ABCDEFGHJKMNPQ'
  for (const text of [code, code.toLowerCase(), '0123-4567-89AB-CDEF-GHJK-MNPQ']) {
    t.same(readCode(text), { kind: 'recovery', code })
  }
  t.same(
    readCode('oi23-4567-89ab-cdef-ghjk-mnpq'),
    { kind: 'recovery', code },
    'O is zero and I is one',
  )
})

t.test('anything else is no code', async (t) => {
  for (const text of [
    ...['', '12345', '1234567', '12345a', '+12345', '1e5123', '１２３４５６', '٠١٢٣٤٥'],
    ...['0123456789ABCDEFGHJKMNP', '0123456789ABCDEFGHJKMNPQR', '0123456789ABCDEFGHJKMNPU'],
  ]) {
    t.equal(readCode(text), undefined, JSON.stringify(text))
  }
})
