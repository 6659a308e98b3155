import { createHash } from 'node:crypto'
import t from 'tap'
import { CHILD_ID, ITEM_ID, OWN_PAGE } from '#test/helper.ts'
import {
  AS_OTHER,
  AS_SELLER,
  draft,
  fieldOf,
  ITEM_PATH,
  refusal,
  start,
  summaryOf,
} from '#test/selling.ts'

const MINE = '/my/items'
const ITEM = `${MINE}/${ITEM_ID}`
const { images: _, ...listed } = draft
const list = {
  items: [{ ...listed, status: 'active', bidCount: 2 }],
  counts: { active: 1, draft: 3 },
  nextCursor: 'next_1',
  serverTime: draft.serverTime,
}
const withStatus = (status: string, changes: object = {}) => ({
  [ITEM_PATH]: { ...draft, status, ...changes },
})

t.test('own items are listed by state with counts, searched, and paged', async (t) => {
  const { get, asked } = await start(t, { overrides: { '/api/v1/my/items': list } })
  const { body, headers } = await get(`${MINE}?state=active&q=brass%26&cursor=abc_1`)
  t.equal(headers['cache-control'], 'no-store')
  t.match(body, 'Open (1)')
  t.match(body, 'Drafts (3)')
  t.match(body, 'aria-current="page">Open')
  t.match(body, `href="${ITEM}"`)
  t.match(body, 'href="/my/items?state=active&amp;q=brass%26&amp;cursor=next_1"')
  t.match(body, 'name="q" value="brass&amp;"')
  const { url = '' } = asked().find((one) => one.url.startsWith('/api/v1/my/items?')) ?? {}
  t.strictSame(Object.fromEntries(new URL(url, 'http://a').searchParams), {
    limit: '20',
    status: 'active',
    q: 'brass&',
    cursor: 'abc_1',
  })
  const empty = await start(t)
  t.match((await empty.get(`${MINE}?state=x`)).body, 'There are no such items.')
  t.equal((await empty.get(MINE, {})).headers.location, '/login?returnTo=%2Fmy%2Fitems')
  t.equal((await empty.get('/my/items.csv')).headers.location, '/api/v1/my/items.csv')
  const away = await start(t, { overrides: { '/api/v1/my/items': 'oops' } })
  t.equal((await away.get(MINE)).statusCode, 503)
})

t.test('words that cannot be searched for stay as they are, above all items', async (t) => {
  const { get, asked } = await start(t, {
    overrides: { '/api/v1/my/items': list },
    read: (url) =>
      url.includes('q=') ? refusal(400, 'item.list.validation_failed', { field: 'q' }) : undefined,
  })
  for (const q of ['कि'.repeat(201), 'x'.repeat(5_000)]) {
    const { statusCode, body } = await get(`${MINE}?${new URLSearchParams({ state: 'active', q })}`)
    t.equal(statusCode, 422)
    t.match(body, 'This cannot be searched for.')
    t.ok(body.includes(`name="q" value="${q}"`), 'nothing is cut')
    t.match(body, `href="${ITEM}"`)
  }
  const words = asked().map(({ url }) => new URL(url, 'http://auction').searchParams.get('q'))
  t.match(
    words.filter((q) => q !== null),
    ['कि'.repeat(201)],
    'auction judges what a text can be',
  )
})

t.test('an item offers what its state allows, and nothing else', async (t) => {
  const links = {
    draft: ['Look and publish', 'Edit', 'Delete the draft'],
    scheduled: ['Look at the lot', 'Edit', 'Withdraw'],
    sold: ['Look at the lot', 'Its sale', 'Put it up again', 'Offer it to another bidder'],
    cancelled: ['Put it up again', 'Offer it to another bidder'],
    removed: [],
  }
  for (const [status, expected] of Object.entries(links)) {
    const { get } = await start(t, { overrides: withStatus(status) })
    const { body } = await get(ITEM)
    const shown = [...body.matchAll(/<li><a href="[^"]*">([^<]*)<\/a><\/li>/g)].map(
      ([, text]) => text,
    )
    t.strictSame(shown, expected, status)
    t.match(body, 'Copy as a new draft')
    t.equal(body.includes('data-form="plan"'), ['draft', 'scheduled'].includes(status), status)
  }
  const again = { relistedAs: CHILD_ID, withdrawal: { reason: 'Broke <b>' } }
  const { get } = await start(t, { overrides: withStatus('expired', again) })
  const { body } = await get(ITEM)
  t.match(body, `href="${MINE}/${CHILD_ID}"`)
  t.match(body, 'You withdrew it: Broke &lt;b&gt;')
  t.notMatch(body, 'Put it up again')
  for (const page of ['', '/withdraw', '/delete', '/relist'])
    t.equal((await get(`${ITEM}${page}`, AS_OTHER)).statusCode, 404, page)
})

t.test('withdrawing and deleting are asked about first, and twice is once', async (t) => {
  const { get, post, sent } = await start(t, { overrides: withStatus('active') })
  t.match((await get(`${ITEM}/withdraw`)).body, 'The auction ends without a sale')
  const done = await post(`${ITEM}/withdraw`, { reason: 'Broken' })
  t.match([done.statusCode, done.headers.location], [303, `${ITEM}?said=withdrawn`])
  t.match([sent()[0]?.url, sent()[0]?.body], [`${ITEM_PATH}/withdraw`, '{"reason":"Broken"}'])
  t.match((await get(`${ITEM}?said=withdrawn`)).body, 'The item is withdrawn.')
  const late = await start(t, { answer: () => refusal(409, 'item.withdraw.has_bids') })
  const page = await late.post(`${ITEM}/withdraw`, { reason: 'Broken "now"' })
  t.match([page.statusCode, page.body], [422, /less than 12 hours are left/])
  t.match(page.body, 'Broken &quot;now&quot;</textarea>')
  const gone = await start(t, { answer: () => refusal(404, 'item.delete.not_found') })
  t.match((await gone.get(`${ITEM}/delete`)).body, 'gone for good')
  t.equal((await gone.post(`${ITEM}/delete`, {})).headers.location, `${MINE}?said=deleted`)
  const out = await late.post(`${ITEM}/withdraw`, { reason: 'kept' }, {})
  t.match([out.statusCode, out.body], [401, /name="reason" value="kept"/])
})

t.test('an item goes up again once for a form, at other prices', async (t) => {
  const { get, post, sent } = await start(t, {
    overrides: withStatus('expired', { reservePrice: '120.00' }),
    answer: () => ({ status: 201, body: { id: CHILD_ID } }),
  })
  const { body } = await get(`/de${ITEM}/relist`)
  t.match(fieldOf(body, 'reservePrice'), 'value="120,00"')
  const key = /name="key" value="([^"]+)"/.exec(body)?.[1] ?? ''
  const typed = { key, startPrice: '80,5', reservePrice: '', buyoutPrice: '' }
  const done = await post(`/de${ITEM}/relist`, typed)
  t.equal(done.headers.location, `/de${MINE}/${CHILD_ID}?said=relisted`)
  t.equal(sent()[0]?.headers['idempotency-key'], key)
  t.strictSame(JSON.parse(sent()[0]?.body ?? ''), {
    startPrice: '80.5',
    reservePrice: null,
    buyoutPrice: null,
  })
  const wrong = await post(`${ITEM}/relist`, { ...typed, startPrice: 'x' })
  t.equal(wrong.statusCode, 422)
  t.match(fieldOf(wrong.body, 'startPrice'), 'aria-invalid="true"')
  t.match(wrong.body, `name="key" value="${key}"`)
})

t.test('a plan and a copy', async (t) => {
  const { post, sent } = await start(t, {
    answer: ({ url }) =>
      url === '/api/v1/items' ? { status: 201, body: { id: CHILD_ID } } : undefined,
  })
  const planned = await post(`${ITEM}/plan`, { times: '2', priceDropPercent: '10' })
  t.equal(planned.headers.location, `${ITEM}?said=planned`)
  t.match([sent()[0]?.method, sent()[0]?.body], ['PUT', '{"times":2,"priceDropPercent":10}'])
  const wrong = await post(`${ITEM}/plan`, { times: '2', priceDropPercent: '91' })
  t.strictSame(
    [wrong.statusCode, summaryOf(wrong.body.slice(wrong.body.indexOf('id="problem"')))?.[0]],
    [422, '#field-priceDropPercent'],
  )
  const copied = await post(`${ITEM}/copy`, { key: 'k7' })
  t.equal(copied.headers.location, `/sell/${CHILD_ID}?said=copied`)
  const [, created, categories, attributes, pictures] = sent()
  t.equal(created?.headers['idempotency-key'], 'k7')
  const body = JSON.parse(created?.body ?? '')
  t.match(body, { name: draft.name, startPrice: '100.00' })
  t.equal(
    Date.parse(body.endDate) - Date.parse(body.startDate),
    Date.parse(draft.originalEndDate) - Date.parse(draft.startDate),
  )
  t.match(JSON.parse(categories?.body ?? ''), { categories: [CHILD_ID] })
  t.match(JSON.parse(attributes?.body ?? ''), { attributes: [{ key: 'maker', value: 'Plath' }] })
  t.match(pictures, { method: 'POST', url: `/api/v1/items/${CHILD_ID}/images/copies` })
  t.strictSame(JSON.parse(pictures?.body ?? ''), { fromItemId: draft.id })
})

t.test('a file is checked, and imported as it was checked', async (t) => {
  const preview = {
    rows: 2,
    first: [{ name: '<b>Chair', currencyCode: 'EUR', startPrice: '12.50', endDate: draft.endDate }],
  }
  let isLost = false
  const { app, sent } = await start(t, {
    answer: ({ url, body }) => {
      if (isLost) return refusal(503, 'item.import.unavailable')
      if (body.includes('wrong')) {
        const errors = [{ line: 2, column: 3, field: 'startPrice', reason: 'format' }]
        return refusal(400, 'item.import.validation_failed', { errors })
      }
      return url.endsWith('/preview')
        ? { status: 200, body: preview }
        : { status: 201, body: { imported: 2 } }
    },
  })
  const send = (fields: Record<string, string>, file?: string) => {
    const parts = Object.entries(fields).map(
      ([name, value]) =>
        `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    const last =
      file === undefined
        ? ''
        : `--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\ncontent-type: text/csv\r\n\r\n${file}\r\n`
    const headers = {
      ...AS_SELLER,
      'sec-fetch-site': 'same-origin',
      'content-type': 'multipart/form-data; boundary=x',
    }
    const payload = `${parts.join('')}${last}--x--\r\n`
    return app.inject({ method: 'POST', url: `${MINE}/import`, headers, payload })
  }
  const checked = await send({ do: 'check' }, 'name;x\r\nchäir;1')
  t.equal(checked.statusCode, 200)
  t.match(checked.body, '2 drafts would be made.')
  t.match(checked.body, '&lt;b&gt;Chair')
  t.match(sent()[0], { url: '/api/v1/my/items/import/preview', body: 'name;x\r\nchäir;1' })
  const hidden = (name: string) =>
    new RegExp(`name="${name}" value="([^"]+)"`).exec(checked.body)?.[1] ?? ''
  const done = await send({ do: 'import', key: hidden('key'), data: hidden('data') })
  t.equal(done.headers.location, '/my/items?state=draft&imported=2')
  t.match(sent()[1], { url: '/api/v1/my/items/import', body: 'name;x\r\nchäir;1' })
  const sum = createHash('sha256').update('name;x\r\nchäir;1').digest('base64url')
  t.equal(sent()[1]?.headers['idempotency-key'], `${hidden('key')}:${sum}`)
  isLost = true
  const lost = await send({ do: 'import', key: hidden('key'), data: hidden('data') })
  t.match([lost.statusCode, lost.body], [503, /we do not know whether the file was imported/])
  t.match(lost.body, `name="data" value="${hidden('data')}"`)
  t.equal(lost.body.match(new RegExp(`name="key" value="${hidden('key')}"`, 'g'))?.length, 2)
  const away = await send({ do: 'check', key: hidden('key') }, 'name;x\r\nchäir;1')
  t.match([away.statusCode, away.body], [503, /cannot be checked just now/])
  isLost = false
  const later = await send({ do: 'check', key: hidden('key') }, 'name;x\r\nchäir;1')
  t.match(later.body, `name="key" value="${hidden('key')}"`, 'the same file is the same import')
  const unsure = sent().filter(({ url }) => url.endsWith('/import'))
  t.equal(new Set(unsure.map(({ headers }) => headers['idempotency-key'])).size, 1)
  const wrong = await send({ do: 'check' }, 'wrong')
  t.equal(wrong.statusCode, 422)
  t.match(wrong.body, 'Some rows are not right. Nothing was imported.')
  t.match(
    wrong.body,
    /Line 2<\/th>\s*<td[^>]*>3 \(<bdi>startPrice<\/bdi>\)<\/td>\s*<td[^>]*>Write the amount/,
  )
  const large = await send({ do: 'check' }, 'x'.repeat(600_000))
  t.match(large.body, 'choose it again to import it')
  t.notMatch(large.body, 'name="data"')
  t.equal((await send({ do: 'check' })).statusCode, 422)
})

t.test(
  'the form of a file that cannot be read is a broken form, and no error of ours',
  async (t) => {
    const { app, sent } = await start(t)
    const part = 'content-disposition: form-data; name="file"; filename="a.csv"'
    const send = (type: string, payload: string) =>
      app.inject({
        method: 'POST',
        url: `${MINE}/import`,
        headers: { ...AS_SELLER, ...OWN_PAGE, 'content-type': `multipart/form-data${type}` },
        payload,
      })
    const broken = [
      ['', `--x\r\n${part}\r\n\r\nname\r\n--x--\r\n`],
      ['; boundary=x', `--x\r\n${part}\r\n\r\ncut o`],
      ['; boundary=x', `--x\r\n${part}`],
      ['; boundary=x', 'name;startPrice'],
      ['; boundary=x', ''],
    ] as const
    for (const [type, payload] of broken) {
      const { statusCode, body } = await send(type, payload)
      t.match([statusCode, body], [400, /<h1>This could not be read<\/h1>/], payload)
    }
    const files = `--x\r\n${part}\r\n\r\n\r\n`.repeat(3)
    t.equal((await send('; boundary=x', `${files}--x--\r\n`)).statusCode, 413)
    t.strictSame(sent(), [])
  },
)
