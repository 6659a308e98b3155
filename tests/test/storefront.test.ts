/// <reference lib="dom" />
// What is handed to the page runs there.
import { randomUUID } from 'node:crypto'
import type { Page } from 'puppeteer-core'
import t from 'tap'
import { send, startBrowser } from '#src/browser/browser.ts'
import { becomePhone, follow, openPhone, picture, visit } from '#src/browser/phone.ts'
import { inTime, sellTo } from '#src/in-time.ts'
import { insist, join, PASSWORD, type Person, sell } from '#src/people.ts'
import { createPlatform } from './helper.ts'

const unique = () => randomUUID().slice(0, 8)
const { platform, client } = await createPlatform(t)
const browser = await startBrowser()
t.teardown(() => browser.close())
const origin = platform.gatewayUrl.replace('127.0.0.1', 'localhost')
const seller = await join(client, 'Ada', `ada-${unique()}`)

/** What the browsers complained about: above all, what the content security policy refused. */
const complaints: string[] = []

const phone = (hasScript = true) => openPhone(browser, { hasScript, complaints })

const pathOf = (page: Page) => page.url().slice(origin.length)
const text = (page: Page, selector: string) =>
  page.$eval(selector, (element) => (element.textContent ?? '').trim())
const part = (name: string) => `live-lot [data-part="${name}"]`

async function logIn(page: Page, person: Person, path: string): Promise<void> {
  await visit(page, `${origin}/login?returnTo=${encodeURIComponent(path)}`)
  await send(page, 'login', { email: person.email, password: PASSWORD })
}

const bidFor = (person: Person, itemId: string, maxAmount: string) =>
  insist(client, 'POST', `/api/v1/lots/${itemId}/bids`, {
    token: person.token,
    body: { maxAmount },
    accept: [201],
  })

/** A maximum far above the price is sent twice, the second time with the confirmation that was answered. */
async function bidHigh(person: Person, itemId: string, maxAmount: string): Promise<void> {
  const path = `/api/v1/lots/${itemId}/bids`
  const { token } = person
  const asked = await insist(client, 'POST', path, { token, body: { maxAmount }, accept: [409] })
  const { confirmation } = asked.body.details as { confirmation: string }
  await insist(client, 'POST', path, { token, body: { maxAmount, confirmation }, accept: [201] })
}

const untilText = (page: Page, selector: string, wanted: string) =>
  page.waitForFunction(
    (where: string, what: string) =>
      document.querySelector(where)?.textContent?.includes(what) === true,
    {},
    selector,
    wanted,
  )

t.test('without a script: log in to bid, come back, be refused, confirm, lead', async (t) => {
  const name = `Walnut desk ${unique()}`
  const { id } = await sell(client, seller, {
    name,
    startPrice: '40.00',
    currencyCode: 'EUR',
    durationMs: 3_600_000,
  })
  const [ann, ben] = [
    await join(client, 'Ann', `ann-${unique()}`),
    await join(client, 'Ben', `ben-${unique()}`),
  ]
  const page = await phone(false)
  await visit(page, `${origin}/lots/${id}`)
  t.equal(await text(page, 'h1'), name)
  t.equal(await page.$('form[data-form="bid"]'), null)
  await picture(page, 'lot-visitor')
  await follow(page, 'live-lot a.primary')
  await send(page, 'login', { email: ann.email, password: PASSWORD })
  t.equal(pathOf(page), `/lots/${id}`, 'back at the lot')
  t.match(await text(page, 'header'), 'Ann')
  await send(page, 'bid', { maxAmount: '12' })
  t.match(await page.title(), /^There is a problem: Walnut desk/)
  t.match(await text(page, '#problem'), 'Your maximum must be at least €40.00.')
  t.equal(await page.$eval('#field-maxAmount', (input) => (input as HTMLInputElement).value), '12')
  await picture(page, 'lot-too-low')
  await send(page, 'bid', { maxAmount: '4000' })
  t.match(await text(page, 'main'), /Your maximum of €4,000.00 is far above/)
  await picture(page, 'lot-confirm')
  await follow(page, 'main a.button')
  t.equal(pathOf(page), `/lots/${id}`)
  t.equal(await text(page, part('count')), 'starting price', 'nothing was bid')
  await send(page, 'bid', { maxAmount: '4000' })
  await send(page, 'confirm', {})
  t.equal(await text(page, '#flash'), 'Your bid counts: you lead. Your maximum is €4,000.00.')
  t.match(await text(page, part('standing')), 'You lead.')
  t.match(await text(page, '#bids'), '(you)')
  await bidHigh(ben, id, '5000.00')
  await page.reload()
  t.match(await text(page, part('standing')), 'You have been outbid. Your maximum was €4,000.00.')
  await picture(page, 'lot-outbid')
  await send(page, 'watch', {})
  t.equal(await text(page, '#flash'), 'You watch this lot now.')
  await send(page, 'ask', { content: 'Which wood is it?' })
  t.match(await text(page, 'section.questions'), 'Which wood is it?')
  const sellers = await phone(false)
  await logIn(sellers, seller, `/lots/${id}`)
  t.match(await text(sellers, part('standing')), 'This is your lot.')
  await send(sellers, 'answer', { content: 'Walnut.' })
  await page.reload()
  t.match(await text(page, 'section.questions'), /Which wood is it\?[\s\S]*Walnut\.[\s\S]*Seller/)
})

t.test('who is outbid sees it in the open page, without losing their place', async (t) => {
  const { id } = await sell(client, seller, {
    name: `Field camera ${unique()}`,
    startPrice: '100.00',
    currencyCode: 'EUR',
    durationMs: 3_600_000,
  })
  const [ann, ben] = [
    await join(client, 'Ann', `ann-${unique()}`),
    await join(client, 'Ben', `ben-${unique()}`),
  ]
  const page = await phone()
  await logIn(page, ann, `/lots/${id}`)
  await send(page, 'bid', { maxAmount: '150' })
  t.match(await text(page, part('standing')), 'You lead.')
  for (const name of ['said', 'alarm'])
    t.equal(await text(page, part(name)), '', 'nothing is read out of a page that was just opened')
  const second = await page.browserContext().newPage()
  await becomePhone(second, { hasScript: true, complaints })
  await visit(second, `${origin}/de/lots/${id}`)
  await second.waitForFunction(async () => {
    const { held = [], pending = [] } = await navigator.locks.query()
    const named = (locks: LockInfo[]) => locks.filter(({ name }) => name === 'live').length
    return named(held) === 1 && named(pending) === 1
  })
  await page.bringToFront()
  await page.focus('#field-maxAmount')
  await page.type('#field-maxAmount', '16')
  // With its keyboard open, a phone has scrolled to the field.
  await page.evaluate(() => scrollBy({ top: 300, behavior: 'instant' }))
  // Where the reader sees what they type in; what is above it may grow.
  const place = () =>
    page.evaluate(async () => {
      // A browser makes up for what grew above with its next frames.
      for (let frames = 0; frames < 2; frames += 1) await new Promise(requestAnimationFrame)
      const { activeElement } = document
      return [activeElement?.id, Math.round(activeElement?.getBoundingClientRect().top ?? 0)]
    })
  const before = await place()
  await bidFor(ben, id, '200.00')
  await untilText(page, part('alarm'), 'You have been outbid.')
  await untilText(page, part('price'), '€152.50')
  await untilText(page, '#bids', 'bidder 2')
  t.match(await text(page, part('standing')), 'You have been outbid. Your maximum was €150.00.')
  t.match(await text(page, part('enter')), 'Enter €155.00 or more.')
  t.match(await page.title(), /^● /)
  t.strictSame(await place(), before, 'neither focus nor scroll moved')
  t.equal(await page.$eval('#field-maxAmount', (input) => (input as HTMLInputElement).value), '16')
  await picture(page, 'lot-live-outbid')
  await untilText(second, part('price'), '152,50')
  await untilText(second, part('standing'), 'Sie wurden überboten.')
  // The tab that read the stream is closed, and the other one goes on.
  await page.close()
  await second.waitForFunction(async () => {
    const { held = [], pending = [] } = await navigator.locks.query()
    return held.length === 1 && pending.length === 0
  })
  await bidFor(ann, id, '300.00')
  await untilText(second, part('price'), '202,50')
  await untilText(second, part('standing'), 'Sie führen.')
})

t.test(
  'after a login as another, what is theirs reaches their page and no page of before',
  async (t) => {
    const { id } = await sell(client, seller, {
      name: `Barometer ${unique()}`,
      startPrice: '10.00',
      currencyCode: 'EUR',
      durationMs: 3_600_000,
    })
    const [ann, ben, eve] = [
      await join(client, 'Ann', `ann-${unique()}`),
      await join(client, 'Ben', `ben-${unique()}`),
      await join(client, 'Eve', `eve-${unique()}`),
    ]
    await bidFor(ben, id, '20.00')
    const first = await phone()
    await logIn(first, ann, `/lots/${id}`)
    await first.waitForFunction(async () => (await navigator.locks.query()).held?.length === 1)
    const second = await first.browserContext().newPage()
    await becomePhone(second, { hasScript: true, complaints })
    await visit(second, `${origin}/lots/${id}`)
    await send(second, 'logout', {})
    await logIn(second, ben, `/lots/${id}`)
    await untilText(second, part('standing'), 'You lead. Your maximum is €20.00.')
    await bidFor(eve, id, '50.00')
    await untilText(second, part('standing'), 'You have been outbid. Your maximum was €20.00.')
    await untilText(first, part('price'), '€')
    t.equal(
      await first.$eval(part('standing'), (line) => (line as HTMLElement).hidden),
      true,
      'Ann did not bid',
    )
  },
)

t.test('an open page sees how the lot ended', async (t) => {
  const ben = await join(client, 'Ben', `ben-${unique()}`)
  const page = await phone()
  await inTime(15_000, async (durationMs) => {
    const name = `Ship’s clock ${unique()}`
    const listing = { name, startPrice: '10.00', currencyCode: 'EUR', durationMs }
    const { id, endDate } = await sellTo(client, { seller, bidder: ben }, listing, '20.00')
    await visit(page, `${origin}/lots/${id}`)
    const phase = await page.$eval('live-lot', (lot) => (lot as HTMLElement).dataset.phase)
    // The closer waits until the page has shown that it does, however slow the page is.
    await platform.kill('bid-worker', 'SIGSTOP')
    if (phase === 'open' && Date.now() < Date.parse(endDate)) return true
    await platform.kill('bid-worker', 'SIGCONT')
    return undefined
  })
  await untilText(page, part('time'), 'Closing…').finally(() =>
    platform.kill('bid-worker', 'SIGCONT'),
  )
  await untilText(page, part('time'), 'Sold')
  await untilText(page, part('alarm'), 'The auction has ended.')
  t.equal(await page.$eval(part('form'), (form) => (form as HTMLElement).hidden), true)
  await picture(page, 'lot-ended')
})

t.test('a list shows the new price of a lot that is in sight', async (t) => {
  const word = `lamp${unique()}`
  const { id } = await sell(client, seller, {
    name: `Desk ${word}`,
    startPrice: '10.00',
    currencyCode: 'EUR',
    durationMs: 3_600_000,
  })
  const [ann, ben] = [
    await join(client, 'Ann', `ann-${unique()}`),
    await join(client, 'Ben', `ben-${unique()}`),
  ]
  const page = await phone()
  await visit(page, `${origin}/search?q=${word}`)
  t.equal(await text(page, '.card [data-part="price"]'), '€10.00')
  await page.$eval('.card', (card) => card.scrollIntoView())
  await bidFor(ann, id, '20.00')
  await untilText(page, '.card [data-part="count"]', '1 bid')
  await bidFor(ben, id, '15.00')
  await untilText(page, '.card [data-part="price"]', '€15.50')
  t.equal(await text(page, '.card [data-part="count"]'), '2 bids')
})

t.test('no page was refused anything by its own policy', async (t) => {
  t.strictSame(complaints, [])
})
