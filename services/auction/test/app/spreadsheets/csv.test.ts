import { randomUUID } from 'node:crypto'
import { parse } from 'csv-parse/sync'
import t from 'tap'
import { purgeImports } from '#src/infra/postgres/spreadsheets/item-imports.ts'
import { build, call, createDraft, type Fixture, inMinutes, listingBody } from '#test/helper.ts'

const HEADER = 'name,currencyCode,startPrice,startDate,endDate,description'
const WHEN = `${inMinutes(60)},${inMinutes(600)}`
const row = (name = 'Spoon', description = '') => `${name},USD,10.00,${WHEN},${description}`
const file = (...rows: string[]) => [HEADER, ...rows, ''].join('\n')

interface Options {
  key?: string | undefined
  type?: string
  as?: Fixture['seller']
}

async function send(fixture: Fixture, payload: string | Buffer, options: Options = {}) {
  const { type = 'text/csv', as = fixture.seller } = options
  const key = 'key' in options ? options.key : randomUUID()
  const response = await fixture.app.inject({
    method: 'POST',
    url: '/api/v1/my/items/import',
    headers: {
      ...as.headers,
      'content-type': type,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    payload,
  })
  return { statusCode: response.statusCode, body: response.json(), headers: response.headers }
}

async function counts({ database }: Fixture) {
  const { rows } = await database.pool.query(
    `select (select count(*)::int from items) as items,
       (select count(*)::int from outbox, json_array_elements(events)) as events,
       (select count(*)::int from item_imports) as imports`,
  )
  return { ...rows[0] }
}

t.test('a file becomes drafts, in its order, with one event each', async (t) => {
  const fixture = await build(t)
  const { body, statusCode } = await send(
    fixture,
    `\ufeff${file(row('"A ""big"" spoon"', '"two\nlines, one cell"'), row('Fork')).replaceAll('\n', '\r\n')}`,
  )
  t.equal(statusCode, 201)
  t.equal(body.imported, 2)
  const [first] = body.itemIds
  const read = await call(fixture, 'GET', `/api/v1/items/${first}`, { as: fixture.seller })
  t.match(read.body, {
    name: 'A "big" spoon',
    status: 'draft',
    startPrice: '10.00',
    sellerID: fixture.seller.id,
  })
  t.equal(read.body.description, 'two\r\nlines, one cell')
  t.strictSame(await counts(fixture), { items: 2, events: 2, imports: 1 })
})

t.test('a repeat answers the same, also at once, and another file is refused', async (t) => {
  const fixture = await build(t)
  const csv = file(row(), row('Fork'))
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => send(fixture, csv, { key: 'k' })),
  )
  for (const { statusCode, body } of answers) {
    t.strictSame({ statusCode, body }, { statusCode: 201, body: answers[0]?.body })
  }
  const replays = answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')
  t.equal(replays.length, 7)
  t.match(await send(fixture, file(row('Knife')), { key: 'k' }), {
    statusCode: 409,
    body: { code: 'item.import.key_reused' },
  })
  t.strictSame(await counts(fixture), { items: 2, events: 2, imports: 1 })
  const stranger = fixture.identity.person()
  t.equal((await send(fixture, csv, { key: 'k', as: stranger })).statusCode, 201, 'keys are own')
  await fixture.database.pool.query(
    `update item_imports set imported_at = now() - '31 days'::interval`,
  )
  t.equal(await purgeImports(fixture.db, 30, 10), 2)
})

t.test('a repeat that cannot wait for the first request gets a Retry-After', async (t) => {
  const fixture = await build(t, { lockTimeoutMs: 500 })
  const first = await fixture.database.pool.connect()
  await first.query('begin')
  await first.query(
    `insert into item_imports (seller_id, idempotency_key, body_hash, item_ids)
     values ($1, 'k', 'x', '{}')`,
    [fixture.seller.id],
  )
  const csv = file(row())
  t.match(await send(fixture, csv, { key: 'k' }), {
    statusCode: 409,
    body: { code: 'item.import.in_progress' },
    headers: { 'retry-after': '3' },
  })
  await first.query('rollback')
  first.release()
  t.equal((await send(fixture, csv, { key: 'k' })).statusCode, 201)
  t.strictSame(await counts(fixture), { items: 1, events: 1, imports: 1 })
})

t.test('ten thousand rows go in at once, and one more is refused', async (t) => {
  const fixture = await build(t)
  const rows = Array.from({ length: 10_000 }, (_, index) => row(`Spoon ${index}`))
  const refused = await send(fixture, file(...rows, row()))
  t.match(refused, {
    statusCode: 400,
    body: { code: 'item.import.too_many_rows', details: { limit: 10_000 } },
  })
  t.strictSame(await counts(fixture), { items: 0, events: 0, imports: 0 })
  const began = performance.now()
  t.match(await send(fixture, file(...rows)), { statusCode: 201, body: { imported: 10_000 } })
  t.comment(`10,000 rows in ${Math.round(performance.now() - began)} ms`)
  t.strictSame(await counts(fixture), { items: 10_000, events: 10_000, imports: 1 })
  const out = await fixture.app.inject({
    url: '/api/v1/my/items.csv',
    headers: fixture.seller.headers,
  })
  const names = parse(out.body, { bom: true, columns: true }).map(
    (line) => (line as { name: string }).name,
  )
  t.strictSame(names.length, 10_000)
  t.equal(new Set(names).size, 10_000, 'each once')
})

t.test('errors are named by line and column, and nothing is stored', async (t) => {
  const fixture = await build(t)
  const at = (line: number, column: number, field: string, reason: string) => [
    { line, column, field, reason },
  ]
  const cases: [string, string, unknown[]][] = [
    ['too few cells', file(row(), 'Fork,USD'), at(3, 3, 'startPrice', 'number_of_cells')],
    ['too many cells', file(`${row()},x`), at(2, 7, '', 'number_of_cells')],
    [
      'a broken last line',
      `${HEADER}\n${row()}\nFork,US`,
      at(3, 3, 'startPrice', 'number_of_cells'),
    ],
    ['an amount', file(`A,USD,1e3,${WHEN},`), at(2, 3, 'startPrice', 'format')],
    ['a currency', file(`A,XXX,1,${WHEN},`), at(2, 2, 'currencyCode', 'unknown_currency')],
    ['an empty name', file(`,USD,1,${WHEN},`), at(2, 1, 'name', 'empty')],
    ['NUL', file(row('a\0b')), at(2, 1, 'name', 'forbidden_characters')],
    ['NUL in a text', file(row('a', 'b\0')), at(2, 6, 'description', 'forbidden_characters')],
    [
      'no day',
      file('A,USD,1,2027-02-30T00:00:00Z,2027-03-01T00:00:00Z,'),
      at(2, 4, 'startDate', 'not_an_instant'),
    ],
    ['no instant', file(`A,USD,1,1,${inMinutes(9)},`), at(2, 4, 'startDate', 'not_an_instant')],
    ['a long name', file(row('x'.repeat(201))), at(2, 1, 'name', 'too_long')],
    [
      'after lines in quotes',
      file(row('A', '"1\n2\n3"'), `B,USD,0,${WHEN},`),
      at(5, 3, 'startPrice', 'not_positive'),
    ],
  ]
  for (const [name, csv, errors] of cases) {
    const { statusCode, body } = await send(fixture, csv)
    t.equal(statusCode, 400, name)
    t.equal(body.code, 'item.import.validation_failed', name)
    t.strictSame(body.details?.errors, errors, name)
  }
  const many = await send(fixture, file(...Array.from({ length: 300 }, () => row(''))))
  t.equal(many.body.details.errors.length, 100, 'the first hundred')
  t.strictSame(await counts(fixture), { items: 0, events: 0, imports: 0 })
})

t.test('a syntax error is reported where it is', async (t) => {
  const fixture = await build(t)
  const cases: [string, string, string][] = [
    ['an open quote', file(row(), '"Fork,USD'), 'quote_not_closed'],
    ['text after a quote', file(row(), '"Fork"x,USD'), 'invalid_closing_quote'],
    ['a quote in a cell', file(row(), 'Fo"rk,USD'), 'invalid_opening_quote'],
    ['an endless cell', file(row(), `"${'x'.repeat(70_000)}"`), 'max_record_size'],
    [
      'a quote in a cell, behind quoted line ends',
      file(row('A', '"1\r\n2"'), 'Fo"rk'),
      'invalid_opening_quote',
    ],
  ]
  for (const [name, csv, reason] of cases) {
    const { statusCode, body } = await send(fixture, csv)
    t.match(
      { statusCode, body },
      { statusCode: 400, body: { details: { errors: [{ reason }] } } },
      name,
    )
    t.ok(
      body.details?.errors.every(({ line }: { line: number }) => line >= 2),
      name,
    )
  }
  t.strictSame(await counts(fixture), { items: 0, events: 0, imports: 0 })
})

t.test('headers, types, sizes and keys are checked before any row', async (t) => {
  const fixture = await build(t)
  const header = (text: string) => send(fixture, `${text}\n${row()}\n`)
  for (const [text, problem] of [
    [`${HEADER},colour`, { column: 7, field: 'colour', reason: 'unknown' }],
    [`${HEADER},NAME`, { column: 7, field: 'NAME', reason: 'repeated' }],
    [`${HEADER},name`, { column: 7, field: 'name', reason: 'repeated' }],
    ['name,currencyCode,startPrice,startDate', { column: 5, field: 'endDate', reason: 'missing' }],
    [row(), { column: 1, reason: 'unknown' }],
  ] as const) {
    t.match(await header(text), {
      statusCode: 400,
      body: { code: 'item.import.header_invalid', details: { errors: [{ line: 1, ...problem }] } },
    })
  }
  const good = file(row())
  const big = Buffer.alloc(5 * 1024 * 1024 + 1, 'x')
  for (const [payload, options, statusCode, code] of [
    ['', {}, 400, 'item.import.empty'],
    [`${HEADER}\n`, {}, 400, 'item.import.empty'],
    [Buffer.from([0xff, 0xfe, 0x41]), {}, 400, 'item.import.not_utf8'],
    [good, { type: 'application/json' }, 415, 'item.import.not_csv'],
    [good, { type: 'text/csvx' }, 415, 'item.import.not_csv'],
    [good, { key: undefined }, 400, 'item.import.key_invalid'],
    [good, { key: 'a b' }, 400, 'item.import.key_invalid'],
    [big, {}, 413, 'request.body_too_large'],
  ] as const) {
    t.match(await send(fixture, payload, options), { statusCode, body: { code } }, code)
  }
  t.equal((await call(fixture, 'POST', '/api/v1/my/items/import')).statusCode, 401)
  t.equal((await call(fixture, 'GET', '/api/v1/my/items.csv')).statusCode, 401)
  t.strictSame(await counts(fixture), { items: 0, events: 0, imports: 0 })
})

t.test('an export holds your own items and no formula that a spreadsheet would run', async (t) => {
  const fixture = await build(t)
  const names = ['=1+1', '+1', '-1', '@SUM(A1)', 'plain "quoted", with comma']
  for (const name of names) await createDraft(fixture, { name, reservePrice: '200.00' })
  await createDraft(fixture, { name: 'foreign' }, fixture.identity.person())
  const { headers, body } = await fixture.app.inject({
    url: '/api/v1/my/items.csv',
    headers: fixture.seller.headers,
  })
  t.match(headers, { 'content-type': /^text\/csv/, 'content-disposition': /attachment/ })
  const lines = parse(body, { bom: true, columns: true }) as Record<string, string>[]
  t.strictSame(
    lines.map(({ name }) => name),
    names.map((name) => (/^[=+@-]/.test(name) ? `'${name}` : name)),
  )
  t.match(lines[0], {
    status: 'draft',
    startPrice: '100.00',
    reservePrice: '200.00',
    bidCount: '0',
  })
  t.notMatch(body, /foreign/)
  const plan = await fixture.database.pool.query(
    `set enable_seqscan = off; explain select * from items where seller_id = '${fixture.seller.id}'
       and id > '${fixture.seller.id}' order by id limit 500`,
  )
  t.match(
    JSON.stringify((plan as unknown as { rows: unknown[] }[])[1]?.rows),
    /items_of_seller_by_id/,
  )
})

t.test('the key of an import is not the key of a draft', async (t) => {
  const fixture = await build(t)
  const imported = await send(fixture, file(row('Spoon')), { key: 'create:42' })
  t.equal(imported.statusCode, 201)
  const create = (key: string) =>
    call(fixture, 'POST', '/api/v1/items', {
      as: fixture.seller,
      body: listingBody({ name: 'Fork' }),
      headers: { 'idempotency-key': key },
    })
  t.match(await create('42'), { statusCode: 201, body: { name: 'Fork' } })
  t.equal((await create('43')).statusCode, 201)
  t.equal((await send(fixture, file(row('Knife')), { key: 'create:43' })).statusCode, 201)
})
