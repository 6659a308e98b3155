import { randomUUID } from 'node:crypto'
import t from 'tap'
import { build, call, type Fixture, inMinutes } from '#test/helper.ts'

const COLUMNS = ['name', 'currencyCode', 'startPrice', 'startDate', 'endDate', 'description']
const [START, END] = [inMinutes(60), inMinutes(600)]
const cellsOf = (name: string, price = '10.00', description = '') => [
  name,
  'EUR',
  price,
  START,
  END,
  description,
]
const join = (rows: readonly (readonly string[])[], delimiter = ',', end = '\r\n') =>
  rows.map((row) => `${row.join(delimiter)}${end}`).join('')

async function send(
  { app, seller }: Pick<Fixture, 'app' | 'seller'>,
  payload: string | Buffer,
  type = 'text/csv',
) {
  const response = await app.inject({
    method: 'POST',
    url: '/api/v1/my/items/import',
    headers: { ...seller.headers, 'content-type': type, 'idempotency-key': randomUUID() },
    payload,
  })
  return { statusCode: response.statusCode, body: response.json() }
}

async function drafts(fixture: Fixture, ids: string[]) {
  const found = []
  for (const id of ids) {
    found.push((await call(fixture, 'GET', `/api/v1/items/${id}`, { as: fixture.seller })).body)
  }
  return found
}

function encode(text: string, label: string): Buffer {
  const all = new TextDecoder(label).decode(Uint8Array.from({ length: 256 }, (_, byte) => byte))
  return Buffer.from([...text].map((letter) => all.indexOf(letter)))
}

t.test('spreadsheets of three languages are read', async (t) => {
  const fixture = await build(t)
  const german = join([COLUMNS, cellsOf('Stühle, grün', '12,50', 'für Öfen')], ';')
  const russian = join([COLUMNS, cellsOf('Часы старинные', '1500,5', 'Москва')], ';')
  const turkish = join([COLUMNS, cellsOf('Gümüş kaşık', '99,9', 'İstanbul')], ';')
  const english = join([COLUMNS, cellsOf('Chair', '12.50', 'For 10 people')])
  const tabs = join([COLUMNS, cellsOf('Кресло', '7', 'Text')], '\t')
  const wide = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')
  for (const [title, payload, encoding, delimiter, name, price] of [
    [
      'Excel in German',
      encode(german, 'windows-1252'),
      'windows-1252',
      'semicolon',
      'Stühle, grün',
      '12.50',
    ],
    [
      'Excel in German, UTF-8',
      Buffer.from(`\ufeff${german}`),
      'utf-8',
      'semicolon',
      'Stühle, grün',
      '12.50',
    ],
    [
      'Excel in Russian',
      encode(russian, 'windows-1251'),
      'windows-1251',
      'semicolon',
      'Часы старинные',
      '1500.50',
    ],
    [
      'Excel in Turkish',
      encode(turkish, 'windows-1254'),
      'windows-1254',
      'semicolon',
      'Gümüş kaşık',
      '99.90',
    ],
    ['Excel in English', Buffer.from(english), 'utf-8', 'comma', 'Chair', '12.50'],
    ['Unicode text of Excel', wide(tabs), 'utf-16le', 'tab', 'Кресло', '7.00'],
    ['UTF-16 BE', wide(tabs).swap16(), 'utf-16be', 'tab', 'Кресло', '7.00'],
    ['LibreOffice with tabs', Buffer.from(tabs), 'utf-8', 'tab', 'Кресло', '7.00'],
    [
      'a line sep=',
      Buffer.from(`sep=;\r\n${german}`),
      'utf-8',
      'semicolon',
      'Stühle, grün',
      '12.50',
    ],
    [
      'Sheets in German, with commas',
      Buffer.from(join([COLUMNS, cellsOf('"Stühle, grün"', '"12,50"')])),
      'utf-8',
      'comma',
      'Stühle, grün',
      '12.50',
    ],
  ] as const) {
    const { statusCode, body } = await send(fixture, payload)
    t.match(
      { statusCode, body },
      { statusCode: 201, body: { encoding, delimiter, imported: 1 } },
      title,
    )
    t.match(await drafts(fixture, body.itemIds), [{ name, startPrice: price }], title)
  }
})

t.test('line ends of every system are read, also inside of cells', async (t) => {
  const fixture = await build(t)
  for (const end of ['\r\n', '\n', '\r']) {
    const text = `one${end}two`
    const payload = join([COLUMNS, cellsOf('A', '1', `"${text}"`), cellsOf('B', '1')], ',', end)
    const { body } = await send(fixture, payload)
    t.match(await drafts(fixture, body.itemIds), [{ description: text }, { name: 'B' }])
  }
})

t.test('blank rows and columns are skipped, and never reported', async (t) => {
  const fixture = await build(t)
  const blank = COLUMNS.map(() => '')
  const pad = (row: readonly string[]) => [row[0] ?? '', '', ...row.slice(1), '', '']
  for (const [title, rows] of [
    ['a row of delimiters', [COLUMNS, cellsOf('A'), blank, cellsOf('B')]],
    [
      'rows of blanks',
      [COLUMNS, blank.map(() => ' \u00a0'), cellsOf('A'), ['""', ''], cellsOf('B')],
    ],
    ['blank rows first', [blank, [''], COLUMNS, cellsOf('A'), cellsOf('B')]],
    [
      'thousands of blank rows last',
      [COLUMNS, cellsOf('A'), cellsOf('B'), ...Array(20_000).fill(blank)],
    ],
    ['blank rows that are wider', [COLUMNS, cellsOf('A'), [...blank, '', ''], cellsOf('B')]],
    ['blank columns, inside and last', [COLUMNS, cellsOf('A'), cellsOf('B')].map(pad)],
    ['empty cells behind the last column', [COLUMNS, [...cellsOf('A'), '', ''], cellsOf('B')]],
    ['cells that are left out at the end', [COLUMNS, cellsOf('A').slice(0, 5), cellsOf('B')]],
  ] as const) {
    const { statusCode, body } = await send(fixture, join(rows as string[][]))
    t.match({ statusCode, body }, { statusCode: 201, body: { imported: 2 } }, title)
    t.match(await drafts(fixture, body.itemIds), [{ name: 'A' }, { name: 'B' }], title)
  }
  const blanks = Array.from({ length: 500 }, () => blank)
  const { body } = await send(fixture, join([COLUMNS, ...blanks, cellsOf('A', 'x'), ...blanks]))
  t.strictSame(body.details.errors, [
    { line: 502, column: 3, field: 'startPrice', reason: 'format' },
  ])
  t.match(await send(fixture, join([COLUMNS, ...blanks])), { body: { code: 'item.import.empty' } })
})

t.test('a cell without a column is refused where it is', async (t) => {
  const fixture = await build(t)
  const header = [...COLUMNS.slice(0, 1), '', ...COLUMNS.slice(1)]
  const cells = cellsOf('A')
  const row = (unnamed: string) => [cells[0] ?? '', unnamed, ...cells.slice(1)]
  const { body } = await send(fixture, join([header, row(''), row('lost'), [...row(''), 'x']]))
  t.strictSame(body.details.errors, [
    { line: 3, column: 2, field: '', reason: 'no_column_name' },
    { line: 4, column: 8, field: '', reason: 'number_of_cells' },
  ])
})

t.test('errors name the line of a text editor, whatever stands before', async (t) => {
  const fixture = await build(t)
  const wrong = cellsOf('B', 'x')
  for (const [title, line, text] of [
    ['quoted CRLF', 5, join([COLUMNS, cellsOf('A', '1', '"1\r\n2\r\n3"'), wrong])],
    ['quoted LF', 5, join([COLUMNS, cellsOf('A', '1', '"1\n2\n3"'), wrong])],
    ['quoted CR', 5, join([COLUMNS, cellsOf('A', '1', '"1\r2\r3"'), wrong])],
    [
      'two line ends next to each other',
      5,
      join([COLUMNS, cellsOf('A', '1', '"1\r\n\r\n3"'), wrong]),
    ],
    ['a line sep=', 3, `sep=;\r\n${join([COLUMNS, wrong], ';')}`],
    ['empty lines', 6, join([[''], [''], COLUMNS, [''], [''], wrong])],
    ['many', 4_002, join([COLUMNS, ...Array(2_000).fill(cellsOf('A', '1', '"1\r\n2"')), wrong])],
  ] as const) {
    const { body } = await send(fixture, text)
    t.match(body.details?.errors, [{ line, column: 3, field: 'startPrice' }], title)
    t.equal(body.details.errors.length, 1, title)
  }
})

t.test('a broken quote does not hide the errors before it', async (t) => {
  const fixture = await build(t)
  const { body } = await send(
    fixture,
    join([COLUMNS, cellsOf('A', 'x'), cellsOf('"B"x'), cellsOf('C')]),
  )
  t.strictSame(body.details.errors, [
    { line: 2, column: 3, field: 'startPrice', reason: 'format' },
    { line: 3, column: 1, field: '', reason: 'invalid_closing_quote' },
  ])
})

t.test('the columns of an export are taken, in any order and case, and not read', async (t) => {
  const fixture = await build(t)
  const header = [
    'ID',
    'Status',
    ' bidCount ',
    ...COLUMNS.toReversed(),
    'createdAt',
    'currentPrice',
  ]
  const cells = ['x', 'sold', '7', ...cellsOf('A').toReversed(), 'yesterday', '9']
  const { statusCode, body } = await send(fixture, join([header, cells]))
  t.equal(statusCode, 201)
  const [id] = body.itemIds
  t.not(id, 'x')
  t.match(await drafts(fixture, body.itemIds), [{ name: 'A', status: 'draft', bidCount: 0 }])
})

t.test('numbers and times are read as they are pasted, and never guessed', async (t) => {
  const fixture = await build(t)
  const at = (price: string, currency = 'EUR', start = START) => [
    'A',
    currency,
    `"${price}"`,
    start,
    END,
    '',
  ]
  for (const [price, currency, read] of [
    ['12,5', 'EUR', '12.50'],
    ['1234,50', 'EUR', '1234.50'],
    ['0,005', 'KWD', '0.005'],
    ['0,0001', 'CLF', '0.0001'],
    [' 12.50\u00a0', ' EUR ', '12.50'],
  ] as const) {
    const { body } = await send(fixture, join([COLUMNS, at(price, currency)]))
    t.match(await drafts(fixture, body.itemIds), [{ startPrice: read }], price)
  }
  for (const [price, currency] of [
    ['1,500', 'EUR'],
    ['1,500', 'KWD'],
    ['1,500', 'JPY'],
    ['1.234,50', 'EUR'],
    ['1,234.50', 'EUR'],
    ['1 234,50', 'EUR'],
    ['12,50 €', 'EUR'],
    ['1,2,3', 'EUR'],
  ] as const) {
    const { body } = await send(fixture, join([COLUMNS, at(price, currency)]))
    t.match(body.details?.errors, [{ column: 3, field: 'startPrice' }], price)
  }
  for (const [start, reason] of [
    ['2027-01-01 10:00', 'no_time_zone'],
    ['2027-01-01T10:00:00', 'no_time_zone'],
    ['2027-01-01', 'no_time_zone'],
    ['01.12.2026 10:00', 'not_an_instant'],
    ['12/1/2026 10:00 AM', 'not_an_instant'],
    ['45992.5', 'not_an_instant'],
  ] as const) {
    const { body } = await send(fixture, join([COLUMNS, at('1', 'EUR', start)]))
    t.match(body.details?.errors, [{ column: 4, field: 'startDate', reason }], start)
  }
})

t.test('a refusal names encoding and delimiter, and how to save the file', async (t) => {
  const fixture = await build(t)
  const foreign = join(
    [
      ['Bezeichnung', 'Währung'],
      ['Stühle', 'EUR'],
    ],
    ';',
  )
  for (const [title, payload, statusCode, code, details] of [
    [
      'names of others',
      encode(foreign, 'windows-1252'),
      400,
      'header_invalid',
      { encoding: 'windows-1252', delimiter: 'semicolon', errors: [{ line: 1, column: 1 }] },
    ],
    [
      'another encoding',
      encode(join([COLUMNS, cellsOf('Filiżanka')]), 'windows-1250'),
      400,
      'not_utf8',
      { encoding: 'unknown' },
    ],
    [
      'half a character',
      Buffer.from([0xff, 0xfe, 0x41]),
      400,
      'not_utf8',
      { encoding: 'utf-16le' },
    ],
    [
      'rows of another delimiter',
      join([COLUMNS]) + join([cellsOf('A')], ';'),
      400,
      'validation_failed',
      { encoding: 'utf-8', delimiter: 'comma', errors: [{ line: 2, reason: 'number_of_cells' }] },
    ],
    ['a workbook', Buffer.from('504b030414000600', 'hex'), 415, 'workbook', undefined],
    ['an old workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 415, 'workbook', undefined],
  ] as const) {
    const { body, ...answer } = await send(fixture, payload)
    t.match({ ...answer, code: body.code }, { statusCode, code: `item.import.${code}` }, title)
    if (details !== undefined) t.match(body.details, details, title)
    if (code !== 'validation_failed') t.match(body.message, /CSV UTF-8/, title)
  }
})

t.test('the encoding that the content type names is used', async (t) => {
  const fixture = await build(t)
  const payload = encode(join([COLUMNS, cellsOf('Filiżanka')]), 'windows-1250')
  const { body } = await send(fixture, payload, 'text/csv; charset="Windows-1250"; header=present')
  t.match(body, { imported: 1, encoding: 'windows-1250' })
  t.match(await drafts(fixture, body.itemIds), [{ name: 'Filiżanka' }])
  for (const type of [
    'application/vnd.ms-excel',
    'text/tab-separated-values',
    'TEXT/CSV;charset=utf-8',
  ]) {
    t.match(await send(fixture, join([COLUMNS, cellsOf('A')]), type), { statusCode: 201 }, type)
  }
})

t.test(
  'a preview says what an import would make, refuses the same, and makes nothing',
  async (t) => {
    const fixture = await build(t)
    const { app, seller } = fixture
    const preview = async (payload: string, headers: Record<string, string> = seller.headers) => {
      const url = '/api/v1/my/items/import/preview'
      const type = { 'content-type': 'text/csv' }
      const sent = await app.inject({
        method: 'POST',
        url,
        headers: { ...headers, ...type },
        payload,
      })
      return { statusCode: sent.statusCode, body: sent.json() }
    }
    const rows = Array.from({ length: 25 }, (_, index) => cellsOf(`Chair ${index}`, '12,5'))
    t.match(await preview(join([COLUMNS, ...rows], ';')), {
      statusCode: 200,
      body: {
        rows: 25,
        first: [{ name: 'Chair 0', currencyCode: 'EUR', startPrice: '12.50', endDate: END }],
        delimiter: 'semicolon',
      },
    })
    const wrong = join([COLUMNS, cellsOf('Chair', 'much')])
    t.strictSame(await preview(wrong).then(codesOf), await send(fixture, wrong).then(codesOf))
    t.equal((await preview(wrong, {})).statusCode, 401)
    const { body } = await call(fixture, 'GET', '/api/v1/my/items', { as: seller })
    t.strictSame(body.items, [])
  },
)

const codesOf = ({ statusCode, body }: { statusCode: number; body: Record<string, unknown> }) => {
  const { code, details } = body
  return { statusCode, code, details }
}
