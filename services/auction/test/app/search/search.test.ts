import { randomUUID } from 'node:crypto'
import t from 'tap'
import { build, call, createDraft, createPublished, type Fixture, inMinutes } from '#test/helper.ts'

const SEARCH = '/api/v1/items/search'

interface Found {
  names: string[]
  body: Record<string, unknown>
}

async function find(fixture: Fixture, query: Record<string, string>): Promise<Found> {
  const { statusCode, body } = await call(fixture, 'GET', `${SEARCH}?${new URLSearchParams(query)}`)
  if (statusCode !== 200) throw new Error(`${statusCode} ${JSON.stringify(body)}`)
  return { names: (body.items as { name: string }[]).map(({ name }) => name), body }
}

t.test('names weigh more than attributes, and those more than descriptions', async (t) => {
  const fixture = await build(t)
  await createPublished(fixture, { name: 'Old box', description: 'For a sextant.' })
  const second = await createDraft(fixture, { name: 'Instrument', description: 'Of brass.' })
  await call(fixture, 'POST', `/api/v1/items/${second}/attributes`, {
    as: fixture.seller,
    body: { attributes: [{ key: 'kind', value: 'sextant' }] },
  })
  await call(fixture, 'POST', `/api/v1/items/${second}/publish`, { as: fixture.seller })
  await createPublished(fixture, { name: 'Brass sextant', description: 'Fine.' })
  await createDraft(fixture, { name: 'Sextant of a draft' })
  const { names, body } = await find(fixture, { q: 'sextants' })
  t.strictSame(names, ['Brass sextant', 'Instrument', 'Old box'], 'and word forms are one')
  t.equal(body.spelling, 'exact')
})

t.test('accents and wrong letters are ignored, except in phrases and exclusions', async (t) => {
  const fixture = await build(t)
  await createPublished(fixture, { name: 'Dürer woodcut', description: 'Nuremberg.' })
  await createPublished(fixture, { name: 'Café chair', description: 'Paris.' })
  t.strictSame((await find(fixture, { q: 'durer' })).names, ['Dürer woodcut'])
  t.strictSame((await find(fixture, { q: 'CAFÉ' })).names, ['Café chair'])
  const typo = await find(fixture, { q: 'woodcutt' })
  t.strictSame(typo.names, ['Dürer woodcut'])
  t.equal(typo.body.spelling, 'similar')
  t.strictSame((await find(fixture, { q: '"chair café"' })).names, [])
  t.strictSame((await find(fixture, { q: 'chair -café' })).names, [])
})

t.test('the current text of an item is found', async (t) => {
  const fixture = await build(t)
  const itemId = await createDraft(fixture, { name: 'Pewter jug', description: '' })
  const as = fixture.seller
  await call(fixture, 'PUT', `/api/v1/items/${itemId}`, { as, body: { name: 'Silver jug' } })
  const { body } = await call(fixture, 'POST', `/api/v1/items/${itemId}/attributes`, {
    as,
    body: { attributes: [{ key: 'maker', value: 'Lamerie' }] },
  })
  await call(fixture, 'POST', `/api/v1/items/${itemId}/publish`, { as })
  t.strictSame((await find(fixture, { q: 'silver' })).names, ['Silver jug'])
  t.strictSame((await find(fixture, { q: 'pewter' })).names, [])
  t.strictSame((await find(fixture, { q: 'lamerie' })).names, ['Silver jug'])
  const [attribute] = body.items as { id: string }[]
  const url = `/api/v1/items/${itemId}/attributes/${attribute?.id}`
  await call(fixture, 'DELETE', url, { as })
  t.strictSame((await find(fixture, { q: 'lamerie' })).names, [])
})

t.test('filters narrow the result, and facets count it', async (t) => {
  const fixture = await build(t)
  const admin = fixture.identity.person(['admin'])
  const category = async (name: string, parent_id: string | null) =>
    (await call(fixture, 'POST', '/api/v1/categories', { as: admin, body: { name, parent_id } }))
      .body.id
  const art = await category('Art', null)
  const prints = await category('Prints', art)
  await call(fixture, 'PUT', `/api/v1/categories/${art}/attributes`, {
    as: admin,
    body: { attributes: [{ key: 'width', label: 'Width', kind: 'number', unit: 'cm' }] },
  })
  const list = async (name: string, width: string, changes: Record<string, unknown>) => {
    const id = await createDraft(fixture, { name, ...changes })
    const as = fixture.seller
    await call(fixture, 'PUT', `/api/v1/items/${id}/categories`, {
      as,
      body: { categories: [prints] },
    })
    await call(fixture, 'POST', `/api/v1/items/${id}/attributes`, {
      as,
      body: { attributes: [{ key: 'width', value: width }] },
    })
    await call(fixture, 'POST', `/api/v1/items/${id}/publish`, { as })
  }
  await list('small', '9', { startPrice: '10.00', buyoutPrice: '50.00' })
  await list('middle', '30', { startPrice: '20.00', endDate: inMinutes(40) })
  await list('large', '100', { startPrice: '30.00' })
  await createPublished(fixture, { name: 'elsewhere', currencyCode: 'EUR', startPrice: '20.00' })
  const names = async (query: Record<string, string>) => (await find(fixture, query)).names.sort()
  t.strictSame(await names({ category: art }), ['large', 'middle', 'small'], 'the whole subtree')
  t.strictSame(await names({ currencyCode: 'USD', minPrice: '20.00' }), ['large', 'middle'])
  t.strictSame(await names({ currencyCode: 'USD', maxPrice: '20' }), ['middle', 'small'])
  t.strictSame(await names({ attribute: 'width:10..99' }), ['middle'])
  t.strictSame(await names({ attribute: 'width:9' }), ['small'])
  t.strictSame(await names({ attribute: 'width:9.00' }), ['small'], 'the same number')
  t.strictSame(await names({ endingWithinMinutes: '60' }), ['middle'])
  t.strictSame(await names({ buyNow: 'true' }), ['small'])
  t.strictSame(await names({ seller: randomUUID() }), [])
  t.strictSame((await find(fixture, { currencyCode: 'USD', sort: '-price' })).names, [
    'large',
    'middle',
    'small',
  ])
  const { body } = await find(fixture, { facets: 'true' })
  t.match(body.facets, {
    total: 4,
    isTotalExact: true,
    status: { active: 4 },
    type: { english: 4 },
    buyNow: 1,
    categories: { [prints]: 3 },
  })
  const narrowed = { category: art, currencyCode: 'USD', maxPrice: '20', facets: 'true' }
  t.match((await find(fixture, narrowed)).body.facets, {
    total: 2,
    status: { active: 2 },
    type: { english: 2 },
    buyNow: 1,
    categories: { [prints]: 2 },
  })
})

t.test('each order is what its name says', async (t) => {
  const fixture = await build(t)
  const names = ['one', 'two', 'three', 'four']
  // By end: two, four, one, three; by price: three, one, four, two; by bids: four, three, two, one.
  const ends = { one: 700, two: 500, three: 800, four: 600 } as Record<string, number>
  const prices = { one: '20.00', two: '40.00', three: '10.00', four: '30.00' } as Record<
    string,
    string
  >
  for (const [index, name] of names.entries()) {
    const endDate = inMinutes(ends[name] ?? 0)
    const id = await createPublished(fixture, { name, endDate, startPrice: prices[name] })
    await fixture.database.pool.query('update items set bid_count = $2 where id = $1', [id, index])
  }
  for (const [sort, expected] of [
    ['ending', ['two', 'four', 'one', 'three']],
    ['newest', ['four', 'three', 'two', 'one']],
    ['price', ['three', 'one', 'four', 'two']],
    ['-price', ['two', 'four', 'one', 'three']],
    ['-bids', ['four', 'three', 'two', 'one']],
  ] as const) {
    t.same((await find(fixture, { sort, currencyCode: 'USD' })).names, expected, sort)
  }
})

t.test('pages follow each other without gap or repetition, in every order', async (t) => {
  const fixture = await build(t)
  for (let index = 0; index < 13; index += 1) {
    // Several have the same price and end, so that only the id decides between them.
    const startPrice = `${10 + (index % 3)}.00`
    await createPublished(fixture, {
      name: `lamp ${index}`,
      startPrice,
      endDate: inMinutes(600 + (index % 2)),
    })
  }
  for (const sort of ['relevance', 'ending', 'newest', 'price', '-price', '-bids']) {
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const query = { q: 'lamp', sort, currencyCode: 'USD', limit: '4', ...(cursor && { cursor }) }
      const { names, body } = await find(fixture, query)
      seen.push(...names)
      cursor = body.nextCursor as string | undefined
    } while (cursor !== undefined)
    t.equal(seen.length, 13, sort)
    t.equal(new Set(seen).size, 13, sort)
  }
})

t.test('words and an attribute find in every order what has both, and count it', async (t) => {
  const fixture = await build(t)
  const list = async (name: string, colour: string, startPrice: string) => {
    const id = await createDraft(fixture, { name, startPrice, endDate: inMinutes(600) })
    await call(fixture, 'POST', `/api/v1/items/${id}/attributes`, {
      as: fixture.seller,
      body: { attributes: [{ key: 'colour', value: colour }] },
    })
    await call(fixture, 'POST', `/api/v1/items/${id}/publish`, { as: fixture.seller })
  }
  for (let index = 0; index < 12; index += 1) {
    await list(`lamp ${index}`, index % 3 === 0 ? 'green' : 'black', `${20 - index}.00`)
  }
  await list('chair', 'green', '5.00')
  const green = { attribute: 'colour:green', currencyCode: 'USD', limit: '3', facets: 'true' }
  const both = ['lamp 0', 'lamp 3', 'lamp 6', 'lamp 9']
  for (const sort of ['relevance', 'ending', 'newest', 'price', '-price', '-bids']) {
    // A word with a letter too many is looked for among names.
    for (const q of ['lamp', 'lampp']) {
      const first = await find(fixture, { ...green, q, sort })
      const cursor = String(first.body.nextCursor)
      const second = await find(fixture, { ...green, q, sort, cursor })
      const names = [...first.names, ...second.names]
      t.strictSame(names.toSorted(), both, `${q}, ${sort}`)
      if (sort === 'price') t.strictSame(names, both.toReversed())
      if (sort === '-price') t.strictSame(names, both)
      const counted = { total: 4, status: { active: 4 }, type: { english: 4 } }
      t.match([first.body.facets, second.body.facets], [counted, counted], 'on each page')
    }
  }
})

t.test('a page behind the last match is empty, and its counts are those of all', async (t) => {
  const fixture = await build(t)
  for (const name of ['lamp', 'lamp two']) {
    const id = await createDraft(fixture, { name })
    await call(fixture, 'POST', `/api/v1/items/${id}/attributes`, {
      as: fixture.seller,
      body: { attributes: [{ key: 'colour', value: 'green' }] },
    })
    await call(fixture, 'POST', `/api/v1/items/${id}/publish`, { as: fixture.seller })
  }
  for (const sort of ['relevance', 'newest']) {
    const query = { q: 'lamp', attribute: 'colour:green', sort, limit: '2', facets: 'true' }
    const { body } = await find(fixture, query)
    const behind = await find(fixture, { ...query, cursor: String(body.nextCursor) })
    t.strictSame([behind.names, behind.body.nextCursor], [[], undefined], sort)
    t.strictSame(behind.body.facets, body.facets)
    t.match(behind.body.facets, { total: 2, status: { active: 2 } })
  }
  const { body } = await find(fixture, { q: 'lamp', attribute: 'colour:blue', facets: 'true' })
  t.match(body, { items: [], facets: { total: 0, isTotalExact: true } })
})

t.test('relevance without words is the order by end', async (t) => {
  const fixture = await build(t)
  await createPublished(fixture, { name: 'later', endDate: inMinutes(700) })
  await createPublished(fixture, { name: 'sooner', endDate: inMinutes(600) })
  const { names } = await find(fixture, { sort: 'relevance', facets: 'true' })
  t.strictSame(names, ['sooner', 'later'])
})

t.test('a malformed search is refused, one without matches is empty', async (t) => {
  const fixture = await build(t)
  for (let index = 0; index < 3; index += 1)
    await createPublished(fixture, { name: `lamp ${index}` })
  for (const q of [
    '"',
    '"""lamp',
    '%',
    '\\',
    "' or 1=1 --",
    ':*',
    '!!',
    '&|()<->',
    '-',
    '<script>',
    '-'.repeat(200),
    `lamp ${'-'.repeat(100)}`,
    '- '.repeat(90),
    '-a '.repeat(60),
    '"'.repeat(200),
    'or '.repeat(60),
  ]) {
    t.equal(
      (await call(fixture, 'GET', `${SEARCH}?${new URLSearchParams({ q })}`)).statusCode,
      200,
      q,
    )
  }
  const { body } = await find(fixture, { q: 'lamp', limit: '1' })
  const cursor = String(body.nextCursor)
  t.equal((await find(fixture, { cursor, limit: '1', q: 'lamp' })).names.length, 1, 'in any order')
  const flipped = `${cursor.slice(0, 20)}${cursor[20] === 'A' ? 'B' : 'A'}${cursor.slice(21)}`
  for (const [query, code] of [
    [{ q: 'x'.repeat(10_000) }, 'request.invalid_query'],
    [{ q: '-!'.repeat(100) }, 'item.search.validation_failed'],
    [{ q: 'a\0b' }, 'item.search.validation_failed'],
    [{ q: 'lamp', cursor: flipped }, 'item.search.cursor_invalid'],
    [{ q: 'other', cursor }, 'item.search.cursor_invalid'],
    [{ cursor: 'x' }, 'item.search.cursor_invalid'],
    [{ minPrice: '5' }, 'item.search.validation_failed'],
    [{ minPrice: '1e9', currencyCode: 'USD' }, 'item.search.validation_failed'],
    [{ sort: 'price' }, 'item.search.validation_failed'],
    [{ category: randomUUID() }, 'item.search.validation_failed'],
    [{ status: 'draft' }, 'request.invalid_query'],
    [{ attribute: 'nonsense' }, 'item.search.validation_failed'],
    [{ limit: '101' }, 'request.invalid_query'],
    [{ order: 'up' }, 'request.invalid_query'],
  ] as [Record<string, string>, string][]) {
    const answer = await call(fixture, 'GET', `${SEARCH}?${new URLSearchParams(query)}`)
    t.match(answer, { body: { code } }, JSON.stringify(query).slice(0, 60))
    t.equal(answer.statusCode, 400)
  }
})
