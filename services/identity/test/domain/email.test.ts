import t from 'tap'
import {
  emailPrefix,
  headerEmail,
  mailboxOf,
  normaliseEmail,
  readEmail,
} from '#src/domain/email.ts'

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
    '"m%c3%bcller"@example.org',
    'ann@bü_cher.example',
    'ann@bücher',
    'ann@bücher.example.',
    'ann@bü/cher.example',
    'ann@bücher:80.example',
    'ann@💩.example',
    'a💩@example.org',
    'an\u200dn@example.org',
    'ann\ud800@example.org',
    `${'é'.repeat(33)}@example.org`,
    `${'é'.repeat(32)}@${'abcdefgh.'.repeat(10)}org`,
    'ann@[127.0.0.1]',
    `${'a'.repeat(65)}@example.org`,
    `ann@${'a'.repeat(64)}.org`,
    `ann@${'abcdefgh.'.repeat(29)}org`,
  ]) {
    t.equal(normaliseEmail(text), undefined, text)
  }
})

t.test(
  'what is pasted around an address is no part of it, and blanks inside are refused',
  async (t) => {
    for (const text of [
      ' ann@example.org',
      'ann@example.org \r\n',
      '\tann@example.org\u00a0',
      '\u200bann@example.org\ufeff',
      '\u2068ann@example.org\u2069',
      ' \u200eann@example.org\u200f ',
    ]) {
      const read = { shown: 'ann@example.org', normalised: 'ann@example.org' }
      t.strictSame(readEmail(text), read, JSON.stringify(text))
    }
    for (const text of ['an n@example.org', 'ann@ example.org', 'ann@exam\u200bple.org'])
      t.equal(normaliseEmail(text), undefined, JSON.stringify(text))
  },
)

t.test('an international address is kept in ASCII, and shown as it was typed', async (t) => {
  const addresses: [string, string, string][] = [
    [
      'müller@bücher.example',
      '"m%c3%bcller"@xn--bcher-kva.example',
      'müller@xn--bcher-kva.example',
    ],
    ['ann@bücher.example', 'ann@xn--bcher-kva.example', 'ann@xn--bcher-kva.example'],
    ['Ann@faß.example', 'ann@xn--fa-hia.example', 'Ann@xn--fa-hia.example'],
    [
      'иван@почта.рф',
      '"%d0%b8%d0%b2%d0%b0%d0%bd"@xn--80a1acny.xn--p1ai',
      'иван@xn--80a1acny.xn--p1ai',
    ],
    [
      '用户@例子.广告',
      '"%e7%94%a8%e6%88%b7"@xn--fsqu00a.xn--4rr70v',
      '用户@xn--fsqu00a.xn--4rr70v',
    ],
    ['ü%c3@example.org', '"%c3%bc%25c3"@example.org', 'ü%c3@example.org'],
  ]
  for (const [typed, normalised, mailbox] of addresses) {
    t.strictSame(readEmail(` ${typed} `), { shown: typed, normalised })
    t.equal(mailboxOf(typed), mailbox)
    t.match(headerEmail(typed), /^[\x21-\x7e]+$/)
  }
  t.equal(mailboxOf('Ann@Example.ORG'), 'Ann@Example.ORG', 'an ordinary one as it was typed')
  t.equal(headerEmail('Ann@Example.ORG'), 'Ann@Example.ORG')
  const spellings = ['MÜLLER@Bücher.Example', 'mu\u0308ller@bu\u0308cher.example']
  for (const text of [...spellings, 'müller@xn--bcher-kva.example'])
    t.equal(normaliseEmail(text), '"m%c3%bcller"@xn--bcher-kva.example', text)
  t.equal(readEmail('mu\u0308ller@example.org')?.shown, 'müller@example.org', 'composed')
})

t.test('an operator finds addresses by their beginning', async (t) => {
  const key = normaliseEmail('müller@bücher.example') ?? ''
  for (const typed of ['mü', ' MÜLL', 'müller@', 'müller@b', 'müller@bü', 'müller@bücher.example'])
    t.ok(key.startsWith(emailPrefix(typed)), typed)
  t.equal(emailPrefix(' Ann@Ex '), 'ann@ex')
  t.notOk(key.startsWith(emailPrefix('mö')))
  t.type(emailPrefix('\ud800'), 'string')
  for (const nothing of ['', ' ', '\t'])
    t.equal(emailPrefix(nothing), '', 'nothing typed is that of all')
})

t.test(
  'a letter that case folding would turn into an ASCII one claims no one else’s address',
  async (t) => {
    t.equal('\u212a'.toLowerCase(), 'k', 'the Kelvin sign would')
    for (const text of [
      'mi\u212ae@example.org',
      'm\u0130ke@example.org',
      'mi\uff4be@example.org',
      'mike@ex\uff41mple.org',
      'mike@\u212aelvin.example',
      'mike@e\u017fample.org',
    ]) {
      t.equal(normaliseEmail(text), undefined, text)
    }
    t.not(normaliseEmail('m\u0131ke@example.org'), 'mike@example.org', 'another letter')
  },
)

t.test('one address has one form, in capitals too', async (t) => {
  for (const [small, capital] of [
    ['νίκος.παππάς@example.org', 'ΝΊΚΟΣ.ΠΑΠΠΆΣ@example.org'],
    ['\u01f0an@example.org', 'J\u030can@example.org'],
  ] as const) {
    t.ok(normaliseEmail(small))
    t.equal(normaliseEmail(small), normaliseEmail(capital), small)
  }
})

t.test('an address with letters that are not seen is refused', async (t) => {
  for (const text of [
    'admin\u3164@example.org',
    'admin\u115f@example.org',
    'ad\u034fmin@example.org',
    'admin\ufe0f@example.org',
    'admin@exam\ufe0fple.org',
  ]) {
    t.equal(normaliseEmail(text), undefined, JSON.stringify(text))
  }
})
