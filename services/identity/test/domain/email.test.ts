import t from 'tap'
import { normaliseEmail } from '#src/domain/email.ts'

t.test('seed bug 35: addresses that differ only in case are one', async (t) => {
  t.equal(normaliseEmail('Ann.Lee+Bids@Example.ORG'), 'ann.lee+bids@example.org')
  t.equal(normaliseEmail('ann@xn--bcher-kva.example'), 'ann@xn--bcher-kva.example')
})

t.test('what is no address is refused', async (t) => {
  for (const text of [
    '',
    'ann',
    '@example.org',
    'ann@',
    'ann@example',
    'ann@@example.org',
    'ann@b@example.org',
    '.ann@example.org',
    'ann.@example.org',
    'a..nn@example.org',
    'ann@-example.org',
    'ann@example-.org',
    'ann@example..org',
    'ann@example.org.',
    '"ann"@example.org',
    'ann@[127.0.0.1]',
    `${'a'.repeat(65)}@example.org`,
    `ann@${'a'.repeat(64)}.org`,
    `ann@${'abcdefgh.'.repeat(29)}org`,
  ]) {
    t.equal(normaliseEmail(text), undefined, text)
  }
})

t.test('blanks are refused anywhere instead of being trimmed', async (t) => {
  for (const text of [
    ' ann@example.org',
    'ann@example.org ',
    'an n@example.org',
    'ann@example.org\n',
  ])
    t.equal(normaliseEmail(text), undefined, JSON.stringify(text))
})

t.test(
  'a letter that case folding would turn into an ASCII one claims no one else’s address',
  async (t) => {
    t.equal('\u212a'.toLowerCase(), 'k', 'the Kelvin sign would')
    for (const text of [
      'mi\u212ae@example.org',
      'm\u0131ke@example.org',
      'mike@ex\uff41mple.org',
    ]) {
      t.equal(normaliseEmail(text), undefined, text)
    }
  },
)
