import { randomUUID } from 'node:crypto'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import t from 'tap'
import { EXPORT_COLUMNS } from '#src/domain/csv-listing.ts'
import { CONTENT_FIELDS } from '#src/domain/item.ts'
import { build, createDraft, createPublished, type Fixture, inMinutes } from '#test/helper.ts'
import type { Person } from '#test/neighbours.ts'

type Checks = Pick<typeof t, 'equal' | 'ok' | 'strictSame'>

async function exported(t: Checks, { app }: Fixture, { headers }: Person) {
  const { body } = await app.inject({ url: '/api/v1/my/items.csv', headers })
  const records = parse(body, { bom: true, relax_column_count: true }) as string[][]
  t.ok(
    records.every(({ length }) => length === EXPORT_COLUMNS.length),
    'every record has all cells',
  )
  const [header = [], ...rows] = records
  t.strictSame(header, EXPORT_COLUMNS)
  const contents = rows.map((row) =>
    CONTENT_FIELDS.map((field) => row[EXPORT_COLUMNS.indexOf(field)] ?? ''),
  )
  return { body, contents }
}

async function imported({ app }: Fixture, { headers }: Person, payload: string) {
  const response = await app.inject({
    method: 'POST',
    url: '/api/v1/my/items/import',
    headers: { ...headers, 'content-type': 'text/csv', 'idempotency-key': randomUUID() },
    payload,
  })
  return { statusCode: response.statusCode, body: response.json() }
}

/** Exports the items of a seller, imports the file for another, and compares their exports. */
async function comesBack(t: Checks, fixture: Fixture, from: Person) {
  const to = fixture.identity.person()
  const first = await exported(t, fixture, from)
  const { statusCode, body } = await imported(fixture, to, first.body)
  t.equal(statusCode, 201, JSON.stringify(body))
  const second = await exported(t, fixture, to)
  t.strictSame(second.contents, first.contents)
  return first
}

const HOSTILE = [
  'a "quoted" word, with a comma',
  'two\nlines',
  'two\r\nlines',
  'two\rlines',
  '=1+1',
  'a line\n=1+1\n+2\n-3\n@x',
  '\r\n=cmd|calc',
  '\n',
  '"',
  '""',
  '",\r\n"',
  ';',
  '\t=1',
  '   leading blanks',
  'trailing blanks   ',
  '\u00a0=1',
  "'=1+1",
  "''=1+1",
  "'t Hooft",
  "'",
  '\ufeffmark',
  'a\ufeffmark inside',
  '\u200f\u05d0\u05d1 right to left',
  '👩‍👩‍👧‍👦 🇪🇺 京都 ﷺ',
  'e\u0301 is two characters',
  '007',
  '1e5',
  '12,50',
  '2026-12-01',
  '01.12.2026',
  'TRUE',
  '{"a":[1,"2"],"b":null}',
  '<b>&amp;</b>',
  '\u2028 and \u2029',
  'sep=;',
  '-- ; drop table items',
  '－50%',
  'x'.repeat(10_000),
  '😀'.repeat(10_000),
  '"'.repeat(10_000),
  '\r\n'.repeat(5_000),
]

t.test('what is exported comes back as it was: every kind of text', async (t) => {
  const fixture = await build(t)
  for (const text of HOSTILE) {
    // A name is one line of at most 200 characters.
    const name = [...text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ')].slice(0, 200).join('').trim()
    await createDraft(fixture, { name: name === '' ? 'x' : name, description: text })
  }
  const { contents } = await comesBack(t, fixture, fixture.seller)
  t.equal(contents.length, HOSTILE.length)
  const description = CONTENT_FIELDS.indexOf('description')
  for (const row of contents) t.notMatch(row[description], /^[\s\ufeff]*[=+@\t\r\n＝＋－＠-]/)
})

t.test(
  'what is exported comes back as it was: every kind of price, time and setting',
  async (t) => {
    const fixture = await build(t)
    for (const changes of [
      { currencyCode: 'JPY', startPrice: '1500' },
      { currencyCode: 'KWD', startPrice: '1.500', bidIncrement: '0.005' },
      { currencyCode: 'CLF', startPrice: '0.0001' },
      { startPrice: '0.01', reservePrice: '5000.00', buyoutPrice: '9999999999.99' },
      { buyoutPrice: '500.00', buyoutReservationMinutes: 1_440 },
      { startDate: inMinutes(60 * 24 * 29), endDate: inMinutes(60 * 24 * 59 - 1) },
      { type: 'dutch' },
      {
        extensionThresholdMinutes: 0,
        extensionDurationMinutes: 0,
        extensionMode: 'from_bid',
        maxExtensionMinutes: 10_080,
        maxExtensions: 10_000,
      },
      { extensionThresholdMinutes: 720, extensionDurationMinutes: 1_440 },
    ]) {
      await createDraft(fixture, changes)
    }
    await createPublished(fixture)
    await comesBack(t, fixture, fixture.seller)
  },
)

t.test('what is exported comes back as it was: any texts', async (t) => {
  const fixture = await build(t)
  const sign = fc.constantFrom(...'"\',;\t\r\n =+-@|a1é京', '\r\n', '😀', '\ufeff', '\u00a0', '－')
  const text = fc.string({ unit: sign, maxLength: 30 })
  const name = text.map((each) => each.replace(/\p{Cc}/gu, '').trim()).filter((each) => each !== '')
  const drafts = fc.array(fc.record({ name, description: text }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(drafts, async (all) => {
      const seller = fixture.identity.person()
      for (const draft of all) await createDraft(fixture, draft, seller)
      await comesBack(t, fixture, seller)
    }),
    { numRuns: 40 },
  )
})
