/// <reference lib="dom" />
// What is handed to the page runs there.
import { join as joinPath } from 'node:path'
import { gzipSync } from 'node:zlib'
import { htmlFaults } from '@auction/common/testing/valid-html.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { DEMO_OPERATOR, DEMO_PEOPLE } from '@auction/local/demo.ts'
import type { Page } from 'puppeteer-core'
import t from 'tap'
import { openPage, send, startBrowser } from '#src/browser/browser.ts'
import { seedShop } from '#src/browser/demo-shop.ts'
import { axeFaults, kindOf, linkedPages, pageFaults } from '#src/browser/page-faults.ts'
import { visit } from '#src/browser/phone.ts'
import { insist, join, PASSWORD, patient, sell } from '#src/people.ts'
import { createPlatform } from './helper.ts'

/** A folder for pictures of every page at three widths, for people who want to look. */
const pictures = process.env.WALK_PICTURES ?? ''
const WIDTHS = [390, 768, 1280]

const { platform, client: hasty, stateDir } = await createPlatform(t)
const client = patient(hasty)
const browser = await startBrowser()
t.teardown(() => browser.close())
const origin = platform.gatewayUrl.replace('127.0.0.1', 'localhost')

interface Account {
  email: string
  password: string
}

/** Pages of one browser share its cookies, also with those of another test. */
async function leave(page: Page): Promise<void> {
  const context = page.browserContext()
  await context.deleteCookie(...(await context.cookies()))
}

async function enter(page: Page, { email, password }: Account): Promise<void> {
  await leave(page)
  await visit(page, `${origin}/login`)
  await send(page, 'login', { email, password })
}

/** Kinds of pages that were looked at: a page of help is the same in a full shop as in an empty one. */
const seen = new Set<string>()

/** Looks at these pages, and at every page that they lead to and of whose kind none was looked at yet. */
async function walk(page: Page, paths: readonly string[]): Promise<string[]> {
  const faults: string[] = []
  const waiting = [...paths]
  for (const path of paths) seen.add(kindOf(path))
  for (const path of waiting) {
    const found = await pageFaults(page, `${origin}${path}`)
    faults.push(...found.map((fault) => `${path}: ${fault}`))
    for (const linked of await linkedPages(page)) {
      if (seen.has(kindOf(linked))) continue
      seen.add(kindOf(linked))
      waiting.push(linked)
    }
  }
  return faults
}

const OWN = [
  '/my',
  '/my/bids',
  '/my/orders',
  '/my/offers',
  '/my/watchlist',
  '/my/searches',
  '/my/items',
  '/my/items/import',
  '/my/sales',
  '/my/questions',
  '/my/payouts',
  '/notifications',
  '/notifications/settings',
  '/account',
  '/sell',
]

/** What is wrong with the pages of a shop without anything, and the kinds of pages that were looked at. */
async function walkEmptyShop(): Promise<{ faults: string[]; kinds: ReadonlySet<string> }> {
  const page = await openPage(browser)
  const faults = await walk(page, ['/', '/lots', '/search', '/search?q=clock'])
  const nora = await join(client, 'Nora', 'nora')
  await enter(page, { email: nora.email, password: PASSWORD })
  faults.push(...(await walk(page, OWN)))
  await page.close()
  return { faults, kinds: new Set(seen) }
}

// Before the shop is filled, and no test before that: the file, and the platform with it, ends with the last test it knows.
const emptyShop = await walkEmptyShop()

const seed = () => seedShop(platform, stateDir)
const isFilled = await seed()

interface Listed {
  id: string
  name: string
  sellerID: string
  image?: object
  categories: string[]
}
const found = async (query: string) =>
  (await client.request<{ items: Listed[] }>('GET', `/api/v1/items/search?${query}`)).body.items
const [desk] = await found('q=walnut')

t.test('pages of an empty shop are valid HTML, and axe finds nothing', async (t) => {
  t.strictSame(emptyShop.faults, [])
  for (const kind of ['/login', '/register', '/help/bidding', '/terms', '/account/security'])
    t.ok(emptyShop.kinds.has(kind), kind)
})

t.test(
  'the shop has lots with pictures and categories, and each of its people a side of it',
  async (t) => {
    t.equal(isFilled, true)
    const items = await found('limit=100')
    t.ok(items.length >= 36, `${items.length} are open or coming up`)
    for (const { name, image, categories } of items) {
      t.ok(image, `${name} has a picture`)
      t.equal(categories.length, 1, `${name} is in a category`)
    }
    const page = await openPage(browser)
    await visit(page, origin)
    const seen = await page.$$eval('.card img', async (images) => {
      for (const image of images) (image as HTMLImageElement).loading = 'eager'
      await Promise.all(images.map((image) => (image as HTMLImageElement).decode()))
      return images.map((image) => (image as HTMLImageElement).naturalWidth)
    })
    t.ok(seen.length >= 16 && seen.every((width) => width > 0), 'all pictures of the page load')
    t.ok((await page.$$('nav.categories a')).length >= 5)
    await page.close()
    t.equal(await seed(), false, 'a second start changes nothing')
  },
)

const VISITOR = {
  home: '/',
  lots: '/lots',
  lot: `/lots/${desk?.id}`,
  search: '/search?q=clock&buyNow=yes&currencyCode=EUR&minPrice=x',
  seller: `/sellers/${desk?.sellerID}`,
  category: `/categories/${desk?.categories[0]}`,
  login: '/login',
  register: '/register',
  help: '/help',
  topic: '/help/bidding',
  fees: '/fees',
  status: '/status',
  developers: '/developers',
  forgot: '/account/forgot',
  verify: '/account/verify-email',
  keep: '/account/keep',
  'keep-login': '/login/keep',
  nothing: '/nothing',
}
const USER = {
  'home-bob': '/',
  'lot-bob': `/lots/${desk?.id}`,
  'search-bob': '/search?q=lamp',
  'bids-bob': '/my/bids',
  'account-bob': '/account',
  'security-bob': '/account/security',
  'email-bob': '/account/email',
  'blocks-bob': '/account/blocks',
  'leave-bob': '/account/delete',
}
const OPERATOR = {
  queue: '/moderation',
  flags: '/moderation/flags',
  disputes: '/moderation/disputes',
  approvals: '/operator/approvals',
  record: '/moderation/actions',
  users: '/operator/users',
  categories: '/operator/categories',
  'one-category': `/operator/categories/${desk?.categories[0]}`,
}

/** What is wrong with a page as it is shown now. */
async function faultsOf(page: Page): Promise<string[]> {
  const seen = await page.evaluate(() => {
    const faults: string[] = []
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth > clientWidth) faults.push(`scrolls sideways: ${scrollWidth} > ${clientWidth}`)
    const headings = document.querySelectorAll('h1').length
    if (headings !== 1) faults.push(`${headings} headings of the page`)
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
    for (const id of new Set(ids)) {
      if (ids.filter((each) => each === id).length > 1) faults.push(`twice: #${id}`)
    }
    for (const landmark of ['header', 'main', 'footer']) {
      if (document.querySelectorAll(landmark).length !== 1) faults.push(`not one ${landmark}`)
    }
    const named = (element: Element) =>
      `${element.tagName} ${(element.textContent ?? '').trim().slice(0, 30)}`
    for (const image of document.images) {
      if (!image.hasAttribute('alt')) faults.push(`no alt: ${image.src}`)
    }
    for (const element of document.querySelectorAll(
      'a, button, input:not([type="hidden"]), select, textarea, summary',
    )) {
      const box = element.getBoundingClientRect()
      if (box.width === 0 || !element.checkVisibility()) continue
      // A link within a sentence is as high as its line (2.5.8).
      const isInText = element.matches(
        'p a, li a, small a, td a, th a, dd a, span a, h2 a, label a',
      )
      if (!isInText && (box.height < 24 || box.width < 24) && !element.matches('.skip')) {
        faults.push(`small: ${named(element)} ${Math.round(box.width)}×${Math.round(box.height)}`)
      }
    }
    type Rgba = [number, number, number, number]
    const rgba = (text: string): Rgba => {
      const [r = 0, g = 0, b = 0, a = 1] = (text.match(/[\d.]+/g) ?? []).map(Number)
      return [r, g, b, a]
    }
    const luminance = ([r, g, b]: Rgba) => {
      const [red = 0, green = 0, blue = 0] = [r, g, b].map((channel) => {
        const share = channel / 255
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
    const behind = (element: Element | null): Rgba => {
      if (element === null) return rgba(getComputedStyle(document.documentElement).backgroundColor)
      const colour = rgba(getComputedStyle(element).backgroundColor)
      return colour[3] === 1 ? colour : behind(element.parentElement)
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
      const element = node.parentElement
      if (element === null || (node.textContent ?? '').trim() === '') continue
      if (!element.checkVisibility() || element.closest('.unseen, .skip, script, option')) continue
      const [one, other] = [
        luminance(rgba(getComputedStyle(element).color)),
        luminance(behind(element)),
      ]
      const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
      if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${named(element)}`)
    }
    return faults
  })
  return [...seen, ...(await namelessOf(page))]
}

/** What a screen reader would meet without a name, by the browser's own tree. */
async function namelessOf(page: Page): Promise<string[]> {
  const cdp = await page.createCDPSession()
  const { nodes } = await cdp.send('Accessibility.getFullAXTree')
  await cdp.detach()
  const spoken = new Set([
    'link',
    'button',
    'textbox',
    'searchbox',
    'checkbox',
    'combobox',
    'image',
    'region',
    'navigation',
    'heading',
    'group',
  ])
  return nodes
    .filter(({ ignored, role }) => !ignored && spoken.has(String(role?.value)))
    .filter(({ name, role }) => String(name?.value ?? '').trim() === '' && role?.value !== 'group')
    .map(({ role }) => `a ${role?.value} without a name`)
}

async function check(page: Page, name: string, path: string, isTurned: boolean): Promise<string[]> {
  await visit(page, `${origin}${path}`)
  const { pathname } = new URL(page.url())
  const faults = path.startsWith(pathname) ? [] : [`${name} is ${pathname}`]
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    for (const width of [320, ...WIDTHS]) {
      await page.setViewport({ width, height: 844 })
      // No language of ours is written from right to left; the layout must not mind.
      if (isTurned) await page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'))
      const found = await faultsOf(page)
      faults.push(
        ...found.map((fault) => `${name} ${scheme} ${width}${isTurned ? ' rtl' : ''}: ${fault}`),
      )
      if (pictures !== '' && scheme === 'light' && !isTurned && width !== 320) {
        await page.screenshot({ path: joinPath(pictures, `${name}-${width}.png`), fullPage: true })
      }
    }
  }
  return faults
}

t.test(
  'every page fits, has names for what can be used, contrast and targets that are large enough',
  async (t) => {
    const page = await openPage(browser)
    await leave(page)
    for (const [name, path] of Object.entries(VISITOR)) {
      for (const isTurned of [false, true])
        t.strictSame(await check(page, name, path, isTurned), [], name)
    }
    const [, bob] = DEMO_PEOPLE
    for (const [person, pages] of [
      [DEMO_OPERATOR, OPERATOR],
      [bob, USER],
    ] as const) {
      await enter(page, person)
      for (const [name, path] of Object.entries(pages)) {
        for (const isTurned of [false, true])
          t.strictSame(await check(page, name, path, isTurned), [], name)
      }
    }
    await outbid(bob)
    for (const [state, name] of [
      ['leading', 'Leading'],
      ['outbid', 'Outbid'],
    ]) {
      // A page goes without a list whose service needs more than two seconds, and is loaded again then.
      const states = await waitFor(`lots of Bob that are ${state}`, async () => {
        await visit(page, `${origin}/my/bids?status=${state}`)
        const cells = await page.$$eval('tbody td:first-of-type', (found) =>
          found.map((cell) => cell.textContent),
        )
        return cells.length > 0 ? cells : undefined
      })
      t.strictSame([...new Set(states)], [name], `Bob: ${name}`)
    }
    await page.close()
  },
)

/** A lot that lasts: the one of the demo on which Bob is outbid ends after three minutes. */
async function outbid(bidder: Account): Promise<void> {
  const [ada] = DEMO_PEOPLE
  const seller = { ...ada, id: '', token: await tokenOf(ada) }
  const listing = { name: 'Barometer', startPrice: '20.00', durationMs: 3_600_000 }
  const { id } = await sell(client, seller, listing)
  const { token: rival } = await join(client, 'dora', `rival-${id}`)
  for (const [token, maxAmount] of [
    [await tokenOf(bidder), '25.00'],
    [rival, '30.00'],
  ] as const) {
    await insist(client, 'POST', `/api/v1/lots/${id}/bids`, {
      token,
      body: { maxAmount },
      accept: [201],
    })
  }
}

/** A purchase and a report, which the demo does not have. */
async function fill(): Promise<void> {
  const [ada, bob] = await Promise.all(DEMO_PEOPLE.map(tokenOf))
  const { id } = await sell(
    client,
    { ...DEMO_PEOPLE[0], id: '', token: ada ?? '' },
    {
      name: 'Weather glass',
      startPrice: '20.00',
      durationMs: 3_600_000,
      terms: { buyoutPrice: '50.00' },
    },
  )
  const as = { token: bob ?? '' }
  await insist(client, 'POST', `/api/v1/lots/${id}/buy-now`, { ...as, body: {}, accept: [201] })
  await insist(client, 'POST', `/api/v1/items/${desk?.id}/report`, {
    ...as,
    body: { reason: 'prohibited' },
    accept: [201],
  })
  await waitFor('the order', async () => {
    const { body } = await client.request<{ orders: object[] }>('GET', '/api/v1/orders', as)
    return body.orders.length > 0
  })
}

async function tokenOf({ email, password }: Account): Promise<string> {
  const body = { email, password }
  const answer = await insist(client, 'POST', '/identity/login', { body, accept: [200] })
  return String(answer.body.token)
}

const CONTENT = [
  VISITOR.home,
  VISITOR.lots,
  VISITOR.lot,
  VISITOR.search,
  VISITOR.seller,
  VISITOR.category,
  VISITOR.nothing,
]

/** Kinds of pages that the walk below comes to; one that no page leads to any more is missed. */
const KINDS = [
  '/my/orders/:id',
  '/my/orders/:id/pay',
  '/my/sales/:id',
  '/sell/:id',
  '/sell/:id/pictures',
  '/sell/:id/price',
  '/sell/:id/delivery',
  '/sell/:id/preview',
  '/account/security',
  '/account/email',
  '/account/blocks',
  '/account/delete',
  '/moderation/reports/:id',
  '/operator/users/:id',
  '/operator/categories/:id',
]

t.test('pages of a full shop are valid HTML, and axe finds nothing', async (t) => {
  await fill()
  const page = await openPage(browser)
  await leave(page)
  t.strictSame(await walk(page, CONTENT), [], 'a visitor')
  const [ada, bob] = DEMO_PEOPLE
  for (const [person, paths] of [
    [bob, [...OWN, VISITOR.lot, '/', '/account/security']],
    [ada, [...OWN, VISITOR.lot]],
    [DEMO_OPERATOR, ['/', ...Object.values(OPERATOR)]],
  ] as const) {
    await enter(page, person)
    t.strictSame(await walk(page, paths), [], person.name)
  }
  const missed = KINDS.filter((kind) => !seen.has(kind))
  t.strictSame(missed, [])
  await page.close()
})

t.test('the check finds what it looks for', async (t) => {
  const page = await openPage(browser)
  await visit(page, `${origin}/help`)
  await page.evaluate(() => {
    const make = (name: string, change: (element: HTMLElement) => void) => {
      const element = document.createElement(name)
      change(element)
      document.querySelector('main')?.append(element)
    }
    make('h1', (element) => element.append('Second'))
    make('button', () => {})
    make('p', (element) => {
      element.append('pale')
      element.style.color = 'rgb(200, 200, 200)'
    })
    make('div', (element) => {
      element.style.width = '3000px'
      element.style.height = '1px'
    })
    make('button', (element) => {
      element.append('x')
      element.style.cssText = 'min-height: 0; padding: 0; height: 10px; width: 10px'
    })
  })
  const faults = (await faultsOf(page)).join('\n')
  for (const fault of [
    /2 headings/,
    /a button without a name/,
    /contrast 1\.\d+: P pale/,
    /scrolls sideways/,
    /small: BUTTON x/,
  ])
    t.match(faults, fault)
  const foundByAxe = (await axeFaults(page)).join('\n')
  for (const rule of [/button-name/, /color-contrast/]) t.match(foundByAxe, rule)
  t.match(htmlFaults('<p id=a><p id=a>').join(), 'no-dup-id')
  await page.close()
})

t.test('pages are small: scripts, styles and the page itself', async (t) => {
  const page = await openPage(browser)
  for (const path of [VISITOR.home, VISITOR.lot, VISITOR.search]) {
    const sizes = { script: 0, stylesheet: 0, document: 0 }
    const reading: Promise<void>[] = []
    const onResponse = (response: import('puppeteer-core').HTTPResponse) => {
      const type = response.request().resourceType()
      if (type === 'script' || type === 'stylesheet' || type === 'document') {
        reading.push(
          response.buffer().then((body) => {
            sizes[type] += gzipSync(body).length
          }),
        )
      }
    }
    page.on('response', onResponse)
    await page.setCacheEnabled(false)
    await page.goto(`${origin}${path}`, { waitUntil: 'load' })
    await Promise.all(reading)
    page.off('response', onResponse)
    t.comment(`${path}: ${JSON.stringify(sizes)}`)
    t.ok(sizes.script > 0 && sizes.script <= 20_000, `${path} scripts ${sizes.script}`)
    t.ok(sizes.stylesheet > 0 && sizes.stylesheet <= 12_000, `${path} styles ${sizes.stylesheet}`)
    t.ok(sizes.document > 0 && sizes.document <= 25_000, `${path} page ${sizes.document}`)
  }
  await page.close()
})
