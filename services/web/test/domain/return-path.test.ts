import t from 'tap'
import { returnPath } from '#src/domain/return-path.ts'

t.test('a visitor comes back to where they were', async (t) => {
  for (const path of ['/', '/lots/1?x=1&y=%20#bids', '/account', '/a//b', '/?q=http://x'])
    t.equal(returnPath(path), path)
  t.equal(returnPath('/a/../lots/1'), '/lots/1', 'as a browser would read it')
})

t.test('no link leads from our login to another site', async (t) => {
  for (const path of [
    ...['https://evil.example', '//evil.example', '///evil.example', '/\\evil.example', '\\\\evil'],
    ...['/\t/evil.example', '/\n/evil.example', 'javascript:alert(1)', 'lots/1', '', ' /'],
    ...['/%zz/../..//evil.example', '/a/..//evil.example', '/.//evil.example', '/ä'],
    ...['/\u0000', `/${'x'.repeat(2_001)}`, '/login', '/login/code', '/logout', '/x/../login'],
  ]) {
    t.equal(returnPath(path), '/account', JSON.stringify(path))
  }
  for (const other of [undefined, null, 5, {}, ['/lots/1']]) t.equal(returnPath(other), '/account')
  t.equal(returnPath('/loginless'), '/loginless')
  t.equal(returnPath('//x', '/'), '/')
})

t.test('a link to our login cannot say that something was done', async (t) => {
  t.equal(returnPath('/account/security?said=password#x'), '/account/security#x')
  t.equal(returnPath('/my/items?state=draft&imported=999'), '/my/items?state=draft')
})
