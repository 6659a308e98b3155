import t from 'tap'
import { normaliseName } from '#src/domain/name.ts'
import { composePassword, judgePassword } from '#src/domain/password.ts'

t.test('a name is kept in composed form without outer blanks', async (t) => {
  t.equal(normaliseName('  Zoe\u0301 O’Neill '), 'Zo\u00e9 O’Neill')
  t.equal(normaliseName('می‌خواهم'), 'می‌خواهم', 'a joiner is spelling')
  t.equal(normaliseName('山田太郎'), '山田太郎')
})

t.test(
  'a name without visible characters, or with control or bidirectional ones, is refused',
  async (t) => {
    for (const text of [
      '',
      '   ',
      '\u200c',
      'a\u0000b',
      'a\nb',
      'a\u202eb',
      'a\u2066b',
      'a\ufeffb',
      '\ud800a',
      'a\u2028b',
    ])
      t.equal(normaliseName(text), undefined, `code ${text.charCodeAt(1) || text.charCodeAt(0)}`)
  },
)

t.test('a name has at most 80 characters, counted as people do', async (t) => {
  t.equal(normaliseName('x'.repeat(80)), 'x'.repeat(80))
  t.equal(normaliseName('x'.repeat(81)), undefined)
  t.equal(normaliseName('😀'.repeat(80)), '😀'.repeat(80))
})

t.test('seed bug 30: a password has 8 to 128 characters, blanks counted and kept', async (t) => {
  t.equal(judgePassword('1234567'), 'too-short')
  t.equal(judgePassword('12345678'), 'fine')
  t.equal(judgePassword(' 123456 '), 'fine')
  t.equal(judgePassword('😀'.repeat(7)), 'too-short')
  t.equal(judgePassword('😀'.repeat(128)), 'fine')
  t.equal(judgePassword('x'.repeat(129)), 'too-long')
  t.equal(composePassword(' 123456 '), ' 123456 ')
})

t.test(
  'a password with half a character is refused, because UTF-8 would make several one',
  async (t) => {
    t.equal(judgePassword('12345678\ud800'), 'malformed')
  },
)

t.test('a password typed with composed or combining letters is the same', async (t) => {
  t.equal(composePassword('caf\u00e9-caf\u00e9'), composePassword('cafe\u0301-cafe\u0301'))
})
