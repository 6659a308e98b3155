import { MAIL_TEMPLATES } from '@auction/common/contracts/identity.ts'
import { IntlMessageFormat } from 'intl-messageformat'
import t from 'tap'
import { CATALOGUES, format } from '#src/domain/catalogue.ts'
import { LANGUAGES, type Language, noticeText } from '#src/domain/notice-text.ts'
import { CATEGORIES, type NoticeData, TEMPLATES, type Template } from '#src/domain/notices.ts'

const DATA: NoticeData = {
  itemId: '0198f9a0-0000-7000-8000-000000000001',
  itemName: 'Brass lamp',
  currencyCode: 'EUR',
  amount: '1234.50',
  minNextBid: '1250.00',
  endDate: '2026-07-01T12:00:00.000Z',
  excerpt: 'Does it work?',
  searchName: 'lamps',
  reason: 'reserve_not_met',
}
const ISTANBUL = { language: 'en', timeZone: 'Europe/Istanbul' } as const

/** Every message of a language by its place. */
function messagesOf(language: Language): Map<string, string> {
  const found = new Map<string, string>()
  const walk = (node: unknown, path: string) => {
    if (typeof node === 'string') found.set(path, node)
    else for (const [key, child] of Object.entries(node as object)) walk(child, `${path}.${key}`)
  }
  walk(CATALOGUES[language], language)
  return new Map([...found].map(([path, text]) => [path.slice(language.length + 1), text]))
}

/** The values that a message names, with the branches of those that choose. */
function namesIn(text: string): string[] {
  const names = new Set<string>()
  const walk = (node: unknown) => {
    if (node === null || typeof node !== 'object') return
    const { type, value, options } = node as { type?: number; value?: unknown; options?: object }
    if (type !== undefined && type !== 0 && typeof value === 'string') {
      names.add(options === undefined ? value : `${value}: ${Object.keys(options).sort()}`)
    }
    for (const child of Object.values(node)) walk(child)
  }
  walk(new IntlMessageFormat(text, 'en', undefined, { ignoreTag: true }).getAst())
  return [...names].sort()
}

t.test('every language has the same messages with the same values', async (t) => {
  const english = messagesOf('en')
  t.ok(english.size > 100)
  for (const language of LANGUAGES) {
    const messages = messagesOf(language)
    t.strictSame([...messages.keys()].sort(), [...english.keys()].sort(), language)
    for (const [key, text] of english) {
      t.strictSame(namesIn(messages.get(key) ?? ''), namesIn(text), `${language} ${key}`)
    }
  }
})

t.test('no message of a language is left in another one', async (t) => {
  const english = messagesOf('en')
  for (const language of LANGUAGES.filter((one) => one !== 'en')) {
    const copied = [...messagesOf(language)].filter(
      ([key, text]) => english.get(key) === text && /\p{L}/u.test(text.replace(/\{\w+\}/g, '')),
    )
    t.strictSame(copied, [], language)
  }
})

t.test('every notice, every mail of identity and every category has words', async (t) => {
  for (const language of LANGUAGES) {
    const { notices, mails, categories } = CATALOGUES[language]
    t.strictSame(Object.keys(notices).sort(), [...TEMPLATES].sort())
    t.strictSame(Object.keys(mails).sort(), [...MAIL_TEMPLATES].sort())
    t.strictSame(
      CATEGORIES.filter((category) => !(category in categories)),
      [],
    )
  }
})

t.test('a title names the item in every language, or the money, and there is a body', async (t) => {
  for (const language of LANGUAGES) {
    for (const template of TEMPLATES) {
      const { title, body, path } = noticeText(template, DATA, { ...ISTANBUL, language })
      if (!template.startsWith('payout_')) t.match(title, 'Brass lamp')
      else if (template !== 'payout_account_restricted') t.match(title, /1[.,]234[.,]50/)
      t.ok(body.length > 10)
      t.notMatch(title + body, /[{}]|undefined/)
      const lot = '/lots/0198f9a0-0000-7000-8000-000000000001'
      t.equal(path, template.startsWith('payout_') ? '/my/payouts' : lot)
    }
  }
})

t.test('purchases, sales and offers lead to their own pages', async (t) => {
  const data = { ...DATA, orderId: 'o-1', offerId: 'f-1' }
  const pathOf = (template: Template) => noticeText(template, data, ISTANBUL).path
  t.equal(pathOf('order_due'), '/my/orders/o-1')
  t.equal(pathOf('order_to_ship'), '/my/sales/o-1')
  t.equal(pathOf('offer_made'), '/my/offers/f-1')
  t.equal(pathOf('question'), `/lots/${DATA.itemId}`)
})

t.test('money and times are written as the reader writes them', async (t) => {
  const inLanguage = (language: Language, timeZone: string) =>
    noticeText('outbid', DATA, { language, timeZone }).body.replaceAll('\u00a0', ' ')
  t.equal(
    inLanguage('en', 'Europe/Istanbul'),
    'Another bidder leads now, at €1,234.50. The lowest bid that is taken is €1,250.00. ' +
      'The auction ends on Wed, 1 July 2026 at 15:00 GMT+3.',
  )
  t.match(inLanguage('de', 'Europe/Berlin'), '1.234,50 €')
  t.match(inLanguage('de', 'Europe/Berlin'), 'Mi., 1. Juli 2026 um 14:00 MESZ')
  t.match(inLanguage('tr', 'Asia/Tokyo'), '€1.234,50')
  t.match(inLanguage('tr', 'Asia/Tokyo'), '1 Temmuz 2026 Çar 21:00 GMT+9')
})

t.test('amounts are exact, with the decimals that the platform counts in', async (t) => {
  const bodyOf = (amount: string, currencyCode: string) =>
    noticeText('won', { ...DATA, amount, currencyCode }, ISTANBUL).body
  t.match(bodyOf('9999999999999.99', 'EUR'), '€9,999,999,999,999.99')
  t.match(bodyOf('12.345', 'KWD'), '12.345')
  t.match(bodyOf('1850', 'JPY'), '1,850.')
  // Intl would show none, and our table has two.
  t.match(bodyOf('10.50', 'UZS'), '10.50')
})

t.test('a zone that is not known here is no reason to send nothing', async (t) => {
  const { body } = noticeText('outbid', DATA, { language: 'de', timeZone: 'Mars/Olympus' })
  t.match(body, 'Wed, 1 July 2026 at 12:00 UTC')
})

t.test('a sentence whose value is not known is left out', async (t) => {
  const { amount, endDate, ...rest } = DATA
  t.equal(noticeText('outbid', rest, ISTANBUL).body, 'The lowest bid that is taken is €1,250.00.')
  t.equal(noticeText('won', {}, ISTANBUL).title, 'You won: an item')
  t.equal(noticeText('won', {}, ISTANBUL).path, '/account')
  t.match(noticeText('unsold', { itemName: 'Lamp' }, ISTANBUL).body, '“Lamp” was not sold')
})

t.test('of a deposit that is given back it is not said that nothing was taken', async (t) => {
  const textOf = (reason: string, language: Language) =>
    noticeText('deposit_released', { ...DATA, reason }, { ...ISTANBUL, language }).body
  t.match(textOf('paid', 'en'), 'Nothing was taken.')
  t.match(textOf('returned', 'en'), 'is given back because you paid')
  t.notMatch(textOf('returned', 'en'), 'Nothing was taken')
  for (const language of LANGUAGES) t.not(textOf('returned', language), textOf('paid', language))
})

t.test('numbers have their plural in every language', async (t) => {
  const summary = (language: Language, count: number) =>
    format(language, CATALOGUES[language].notices.outbid.summary, { count })
  t.equal(summary('en', 1), 'You were outbid on one item')
  t.equal(summary('en', 2), 'You were outbid on 2 items')
  t.equal(summary('de', 1), 'Sie wurden bei einem Artikel überboten')
  t.equal(summary('de', 1_200), 'Sie wurden bei 1.200 Artikeln überboten')
  t.equal(summary('tr', 2), '2 üründe teklifiniz geçildi')
})

t.test('a hostile name makes no second line, turns nothing around and is no message', async (t) => {
  const titleOf = (itemName: string) => noticeText('won', { itemName }, ISTANBUL).title
  t.equal(titleOf('Lamp\r\nBcc: all@example.test'), 'You won: Lamp Bcc: all@example.test')
  t.equal(titleOf('Lamp\u202egpj.exe\u2028x\u0000'), 'You won: Lamp gpj.exe x')
  t.equal(titleOf("<b>{item}</b> '{x}'"), "You won: <b>{item}</b> '{x}'")
  t.equal(titleOf('ساعة'), 'You won: \u2068ساعة\u2069', 'isolated, so that it turns nothing')
  t.equal(titleOf(' \u202e\r\n '), 'You won: an item')
})

t.test('a long name is cut in the title, at the end of a character', async (t) => {
  const family = '👨‍👩‍👧‍👦'
  const { title, body } = noticeText('won', { itemName: family.repeat(200) }, ISTANBUL)
  t.equal(title, `You won: ${family.repeat(79)}…`)
  t.match(body, family.repeat(200))
})

t.test('an order says how much is owed, until when, and in whose zone', async (t) => {
  const { title, body } = noticeText('order_due', DATA, ISTANBUL)
  t.equal(title, 'Please pay: Brass lamp')
  t.equal(
    body,
    'You owe €1,234.50 for “Brass lamp”. Please pay by Wed, 1 July 2026 at 15:00 GMT+3.',
  )
})

t.test('a cancellation says whether it is a strike', async (t) => {
  for (const [reason, isStrike] of [
    ['unpaid', true],
    ['seller', false],
    ['mutual', false],
    ['removed', false],
  ] as const) {
    const { body } = noticeText('purchase_cancelled', { ...DATA, reason }, ISTANBUL)
    t.equal(/strike/.test(body), isStrike, reason)
  }
})
