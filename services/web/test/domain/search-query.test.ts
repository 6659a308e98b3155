import t from 'tap'
import { readSearchQuery, searchPath, toApiQuery } from '#src/domain/search-query.ts'

const ID = '019a0000-0000-7000-8000-0000000000c1'

t.test('an address is read whatever is in it, and written without what is not known', async (t) => {
  const query = readSearchQuery({
    q: ' brass \u200b',
    category: ID,
    status: 'draft',
    buyNow: 'maybe',
    sort: ['price'],
    currencyCode: 'eur',
    ending: 'constructor',
    seller: '../x',
    other: 'x',
  })
  t.equal(searchPath(query), `/search?q=brass&category=${ID}`)
  for (const nothing of [undefined, null, 'x', 3, []]) {
    t.equal(searchPath(readSearchQuery(nothing)), '/search')
  }
})

t.test('words are never cut, and far too many are not asked for', async (t) => {
  const words = 'कि'.repeat(200)
  const query = readSearchQuery({ q: words })
  t.match(toApiQuery(query, 'en'), { parameters: { q: words }, problems: [] })
  const far = readSearchQuery({ q: 'x'.repeat(9_999) })
  t.equal(far.q.length, 9_999)
  t.match(toApiQuery(far, 'en').problems, [{ field: 'q', reason: 'too_long' }])
})

t.test('another filter begins at the first page', async (t) => {
  const query = readSearchQuery({ q: 'a b', cursor: 'c', buyNow: 'yes' })
  t.equal(searchPath(query), '/search?q=a+b&buyNow=yes')
  t.equal(searchPath(query, { cursor: 'd' }), '/search?q=a+b&buyNow=yes&cursor=d')
  t.equal(searchPath(query, { q: '' }), '/search?buyNow=yes')
})

t.test('prices are read in the language of the reader, and need a currency', async (t) => {
  const asked = { minPrice: '1.234,50', maxPrice: '2000', currencyCode: 'EUR', ending: 'day' }
  t.strictSame(toApiQuery(readSearchQuery(asked), 'de'), {
    parameters: {
      minPrice: '1234.50',
      maxPrice: '2000',
      currencyCode: 'EUR',
      endingWithinMinutes: '1440',
    },
    problems: [],
  })
  t.match(toApiQuery(readSearchQuery(asked), 'en').problems, [
    { field: 'minPrice', reason: 'not_an_amount' },
  ])
  for (const without of [{ minPrice: '5' }, { sort: 'price' }, { sort: '-price' }]) {
    t.match(toApiQuery(readSearchQuery(without), 'en').problems, [
      { field: 'currencyCode', reason: 'needs_currency' },
    ])
  }
})
