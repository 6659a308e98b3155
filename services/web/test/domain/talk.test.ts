import t from 'tap'
import { LOCALES } from '#src/domain/locale.ts'
import { problemOf } from '#src/domain/problem-text.ts'
import { readZone, talkOf } from '#src/domain/talk.ts'

const flat = (value: unknown, path = ''): [string, unknown][] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, each]) => flat(each, `${path}/${key}`))
    : [[path, value]]

t.test('every text is there in every language, and is written', async (t) => {
  const keys = flat(talkOf('en', 'UTC').t).map(([path]) => path)
  for (const locale of LOCALES) {
    const texts = flat(talkOf(locale, 'UTC').t)
    t.strictSame(texts.map(([path]) => path).sort(), [...keys].sort(), locale)
    for (const [path, text] of texts) {
      if (typeof text === 'string') t.ok(text.trim() !== '', `${locale} ${path}`)
    }
  }
})

t.test('amounts keep every digit and are written as the reader writes them', async (t) => {
  const amount = '12345678901234567.89'
  t.equal(talkOf('en', 'UTC').money(amount, 'EUR'), '€12,345,678,901,234,567.89')
  t.equal(talkOf('de', 'UTC').money(amount, 'EUR'), '12.345.678.901.234.567,89\u00a0€')
  t.equal(talkOf('tr', 'UTC').money('5', 'TRY'), '₺5,00')
  t.equal(talkOf('en', 'UTC').money('12000', 'JPY'), 'JP¥12,000')
  t.equal(talkOf('en', 'UTC').money('5', '<b>'), '5 <b>', 'no such currency')
  t.equal(talkOf('en', 'UTC').money('<u>', 'EUR'), '<u>', 'no amount')
})

t.test('instants are in the zone of the reader, with its name', async (t) => {
  const instant = '2026-11-23T18:04:05.000Z'
  t.equal(talkOf('en', 'UTC').instant(instant), 'Mon, 23 Nov 2026, 18:04:05 UTC')
  t.match(talkOf('de', 'Europe/Berlin').instant(instant), /23\. Nov\. 2026.* 19:04:05 MEZ/)
  t.match(talkOf('tr', 'Europe/Istanbul').instant(instant), /23 Kas 2026.* 21:04:05 GMT\+3/)
  for (const zone of [undefined, '', 'Mars/Olympus', 'x'.repeat(100), '../etc']) {
    t.equal(readZone(zone), 'UTC', `${zone}`)
  }
  t.equal(readZone('europe/berlin'), 'Europe/Berlin')
})

t.test(
  'time left shows the two largest units, rounded up, and never goes below zero',
  async (t) => {
    const { timeLeft } = talkOf('en', 'UTC')
    const [minute, hour] = [60_000, 3_600_000]
    t.equal(timeLeft(-5_000), '0 secs')
    t.equal(timeLeft(1), '1 sec')
    t.equal(timeLeft(4 * minute + 5_000), '4 mins 05 secs')
    t.equal(timeLeft(2 * hour + 3 * minute), '2 hrs 03 mins')
    t.equal(timeLeft(51 * hour), '2 days 3 hrs')
    t.equal(talkOf('de', 'UTC').timeLeft(4 * minute + 5_000), '4 Min. 05 Sek.')
  },
)

t.test('counts take the plural of the language', async (t) => {
  const { count, t: texts } = talkOf('en', 'UTC')
  t.strictSame(
    [0, 1, 2, 1_234].map((n) => count(n, texts.lot.bids)),
    ['0 bids', '1 bid', '2 bids', '1,234 bids'],
  )
  const de = talkOf('de', 'UTC')
  t.equal(de.count(1, de.t.list.lots), '1 Los')
})

t.test('what is wrong is said by its code, and an unknown code names the request', async (t) => {
  const talk = talkOf('en', 'UTC')
  const traceId = 'a'.repeat(32)
  t.match(problemOf({ code: 'bid.ended' }, talk), { text: /Bidding is over/ })
  for (const code of ['constructor', 'bid.not_known', '__proto__']) {
    t.match(problemOf({ code, traceId }, talk).text, traceId, code)
  }
  t.notMatch(problemOf({ code: 'x', traceId: '<b>' }, talk).text, '<b>')
  t.strictSame(problemOf({ code: 'identity.invalid_email' }, talkOf('de', 'UTC')), {
    field: 'email',
    text: 'Geben Sie eine E-Mail-Adresse ein, zum Beispiel anna@example.org.',
  })
})
