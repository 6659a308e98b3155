import t from 'tap'
import { cookiesOf } from '../../src/http/cookies.ts'

t.test('a cookie is found under its whole name, between spaces of HTTP alone', async (t) => {
  const found: [string | undefined, string[]][] = [
    [undefined, []],
    ['', []],
    ['session=a', ['a']],
    ['session=', ['']],
    ['a=b;session=a;c=d', ['a']],
    ['a=b; \tsession=a \t; c=d', ['a']],
    ['session=a=b', ['a=b']],
    ['session=a; session=b', ['a', 'b']],
    ['xsession=a', []],
    ['Session=a', []],
    ['session =a', []],
    ['a=session=b', []],
    ['\u{a0}session=a', []],
    ['session=a\u{a0}', ['a\u{a0}']],
    ['\u{b}session=a', []],
  ]
  for (const [header, values] of found)
    t.strictSame(cookiesOf(header, 'session'), values, JSON.stringify(header))
})
