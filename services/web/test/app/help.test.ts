import t from 'tap'
import { createSitemap } from '#src/app/sitemap.ts'
import { createCatalogue } from '#src/infra/http/catalogue.ts'
import { createStatusBoard } from '#src/infra/http/help.ts'
import { createServices } from '#src/infra/http/services.ts'
import {
  type Answer,
  CATEGORY_ID,
  healthy,
  ITEM_ID,
  item,
  list,
  PUBLIC_URL,
  startApp,
  startUpstream,
  urlsOf,
} from '#test/helper.ts'

const FEES = '/api/v1/billing/fees'

async function start(
  t: Parameters<typeof startApp>[0],
  reads: Record<string, unknown> = {},
  answers: Record<string, ReturnType<Answer>> = {},
) {
  const pages = healthy(reads)
  const upstream = await startUpstream(t, (url) => answers[url.split('?')[0] ?? ''] ?? pages(url))
  return { app: await startApp(t, upstream.url), urls: upstream.urls, url: upstream.url }
}

t.test(
  'help has a page for each topic, in every language, with links that lead there',
  async (t) => {
    const { app } = await start(t)
    for (const prefix of ['', '/de', '/tr']) {
      const { body } = await app.inject(`${prefix}/help`)
      const paths = [...body.matchAll(/<li><a href="([^"]+)"/g)].map(([, path]) => path ?? '')
      t.equal(paths.length, 8, prefix)
      for (const path of paths) {
        const page = await app.inject(path)
        t.equal(page.statusCode, 200, path)
        t.equal(page.body.match(/<h1/g)?.length, 1)
        t.match(page.body, /<meta name="description" content="[^"]{20,}">/)
        t.notMatch(page.body, 'undefined')
      }
    }
    t.equal((await app.inject('/de/help/fees')).headers.location, '/de/fees')
    for (const topic of ['nothing', 'constructor', '../x']) {
      t.equal((await app.inject(`/help/${topic}`)).statusCode, 404)
    }
  },
)

t.test('fees are the rates of now, by category, with their bounds', async (t) => {
  const rates = [
    { basisPoints: 1_000 },
    { basisPoints: 750, categoryId: CATEGORY_ID, currencyCode: 'EUR', minAmount: '1.50' },
    { basisPoints: 1, categoryId: ITEM_ID },
  ]
  const { app } = await start(t, { [FEES]: { rates } })
  const { body } = await app.inject('/de/fees')
  t.match(
    body,
    /Instruments, in EUR<\/th>\s*<td data-label="Provision">7,5\u00a0%<\/td>\s*<td [^>]*>mindestens 1,50\u00a0€</,
  )
  t.match(body, /Instruments[\s\S]*Alles andere<\/th>\s*<td [^>]*>10\u00a0%/, 'the rest comes last')
  t.equal(body.match(/<tr><th scope="row"/g)?.length, 2, 'a hidden category has no row')
})

t.test('without a rate the page says that nothing is taken', async (t) => {
  const { app } = await start(t, { [FEES]: { rates: [] } })
  t.match((await app.inject('/fees')).body, 'No commission is taken at present.')
})

t.test('a list of fees that would not be whole is not shown', async (t) => {
  const away = { status: 500, body: {} }
  const ofCategory = { rates: [{ basisPoints: 1, categoryId: CATEGORY_ID }] }
  for (const answers of [
    { [FEES]: away },
    { [FEES]: { status: 200, body: ofCategory }, '/api/v1/categories': away },
  ]) {
    const { app } = await start(t, {}, answers)
    const { statusCode, body } = await app.inject('/fees')
    t.equal(statusCode, 200)
    t.match(body, 'class="away"')
    t.match(body, 'Listing costs nothing')
    t.notMatch(body, 'No commission is taken')
  }
})

t.test('the state of the services says which part does not answer', async (t) => {
  const { app } = await start(t)
  const { statusCode, body } = await app.inject('/status')
  t.equal(statusCode, 200)
  t.match(body, 'Everything works.', 'a 404 is an answer')
  const down = await start(t, {}, { '/api/v1/categories': { status: 503, body: {} } })
  const sick = await down.app.inject('/de/status')
  t.equal(sick.statusCode, 200)
  t.match(sick.body, 'Gerade geht nicht alles.')
  t.match(sick.body, /Lose und Suche<\/dt><dd><strong class="wrong">Antwortet nicht/)
  t.equal(sick.body.match(/Antwortet nicht/g)?.length, 1)
})

t.test('services are asked for their state once in five seconds, however many look', async (t) => {
  const { url, urls } = await start(t)
  let now = 0
  const read = createStatusBoard(urlsOf(url), 60_000, () => now)
  await Promise.all([read(), read(), read()])
  now = 4_999
  await read()
  t.equal(urls.length, 6)
  now = 5_000
  await read()
  t.equal(urls.length, 12)
})

t.test('robots are led to the sitemap and away from what is of users', async (t) => {
  const { app } = await start(t)
  const { headers, body } = await app.inject('/robots.txt')
  t.match(headers['content-type'], 'text/plain')
  t.match(body, `\nSitemap: ${PUBLIC_URL}/sitemap.xml\n`)
  t.match(body, '\nDisallow: /account\n')
  const unread = [...body.matchAll(/Disallow: (\S+)/g)].map(([, path]) => path ?? '')
  for (const path of ['/lots/1', '/sellers/1', '/categories/1', '/help', '/de/lots/1']) {
    t.notOk(
      unread.some((rule) => new RegExp(`^${rule.replaceAll('*', '.*')}`).test(path)),
      path,
    )
  }
})

t.test('the sitemap has open lots and categories, and is made once in ten minutes', async (t) => {
  const { app, urls } = await start(t)
  const { headers, body } = await app.inject('/sitemap.xml')
  t.match(headers['content-type'], 'application/xml')
  t.match(body, `<url><loc>${PUBLIC_URL}/lots/${ITEM_ID}</loc></url>`)
  t.match(body, `<url><loc>${PUBLIC_URL}/categories/${CATEGORY_ID}</loc></url>`)
  t.match(urls.find((url) => url.startsWith('/api/v1/items?'))?.toString(), 'status=active&page=1')
  const asked = urls.length
  await app.inject('/sitemap.xml')
  t.equal(urls.length, asked)
  const down = await start(t, {}, { '/api/v1/items': { status: 500, body: {} } })
  t.equal((await down.app.inject('/sitemap.xml')).statusCode, 503)
})

t.test('while auction is away the last sitemap goes on; every page of lots is read', async (t) => {
  let now = 0
  let isAway = false
  const upstream = await startUpstream(t, (url) => {
    if (isAway) return { status: 500, body: {} }
    const page = new URL(url, PUBLIC_URL).searchParams.get('page')
    if (page === null) return healthy()(url)
    const items = [{ ...item, id: `${item.id.slice(0, -1)}${page}` }]
    return { status: 200, body: { ...list, items, page: Number(page), totalPages: 3 } }
  })
  const catalogue = createCatalogue(createServices(urlsOf(upstream.url), 60_000))
  const read = createSitemap(catalogue, PUBLIC_URL, () => now)
  const [first] = await Promise.all([read(), read()])
  t.equal(upstream.urls.length, 4, 'once for both who asked')
  t.equal(first?.match(/\/lots\/0/g)?.length, 3)
  isAway = true
  now = 599_999
  t.equal(await read(), first)
  t.equal(upstream.urls.length, 4)
  now = 600_000
  t.equal(await read(), first)
  t.ok(upstream.urls.length > 4, 'it was tried')
})
