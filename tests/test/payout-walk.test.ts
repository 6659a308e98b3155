/// <reference lib="dom" />
// What is handed to the page runs there.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { drawThing } from '@auction/local/demo-pictures.ts'
import type { ElementHandle, Page } from 'puppeteer-core'
import t, { type Test } from 'tap'
import { send, startBrowser } from '#src/browser/browser.ts'
import {
  becomePhone,
  follow,
  openPhone,
  picture,
  pressEnter,
  tabTo,
  visit,
} from '#src/browser/phone.ts'
import { sellTo } from '#src/in-time.ts'
import { insist, join, PASSWORD, type Person } from '#src/people.ts'
import { openPool } from '#src/pools.ts'
import { createPlatform } from './helper.ts'

const MINUTES_MS = 120_000

const { platform, client } = await createPlatform(t)
const browser = await startBrowser()
t.teardown(() => browser.close())
const origin = platform.gatewayUrl.replace('127.0.0.1', 'localhost')
const unique = () => randomUUID().slice(0, 8)
const complaints: string[] = []

t.test('a lot is sold, paid, collected, and its seller is paid out', async (t) => {
  const run = unique()
  const [sue, bob] = (await Promise.all(
    ['sue', 'bob'].map((name) => join(client, name, `${name}-${run}`)),
  )) as [Person, Person]
  const ask = (person: Person, method: string, path: string, body?: unknown) =>
    insist(client, method, path, {
      token: person.token,
      headers: { 'idempotency-key': randomUUID() },
      ...(body === undefined ? {} : { body }),
      accept: [200, 201, 204],
    })
  const lamp = { name: 'A lamp', startPrice: '10.00', durationMs: 4_000 }
  await sellTo(client, { seller: sue, bidder: bob }, lamp, '25.00')
  const order = await waitFor(
    'the order',
    async () => {
      const { body } = await ask(bob, 'GET', '/api/v1/orders?role=buyer')
      return (body.orders as { id: string }[])[0]?.id
    },
    MINUTES_MS,
  )
  const stateOf = async () => (await ask(bob, 'GET', `/api/v1/orders/${order}`)).body.state
  await ask(bob, 'PUT', `/api/v1/orders/${order}/delivery`, { method: 'collection' })
  const { body: payment } = await ask(bob, 'POST', '/api/v1/payments', { orderIds: [order] })
  const { url } = payment.next as { url: string }
  const submit = (page: string, fields: Record<string, string>) =>
    fetch(page, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
  await submit(url, { card: '4242 4242 4242 4242' })
  await waitFor('the payment', async () => (await stateOf()) === 'paid', MINUTES_MS)
  const { body: shown } = await ask(bob, 'POST', `/api/v1/orders/${order}/collection-code`)
  await ask(sue, 'POST', `/api/v1/orders/${order}/collection`, { code: shown.code })
  await waitFor('its completion', async () => (await stateOf()) === 'completed', MINUTES_MS)

  const { body: page } = await ask(sue, 'POST', '/api/v1/billing/payout-account/page', {})
  const given = await submit(String(page.url), { answer: 'accept' })
  t.match(given.headers.get('location'), /\/account$/, 'back to this site')
  const payout = await waitFor(
    'the payout',
    async () => {
      const { body } = await ask(sue, 'GET', '/api/v1/billing/payouts')
      return (body.payouts as { state: string; amount: string }[]).find(
        ({ state }) => state === 'done',
      )
    },
    MINUTES_MS,
  )
  t.match(payout, { amount: '10.00', currencyCode: 'USD', reversedAmount: '0.00' })
  t.match((await ask(sue, 'GET', '/api/v1/billing/payout-account')).body, { state: 'enabled' })
  const notice = await waitFor(
    'its notice',
    async () => {
      const { body } = await ask(sue, 'GET', '/api/v1/notifications')
      const list = body.notifications as { template: string; title: string }[]
      return list.find(({ template }) => template === 'payout_sent')
    },
    MINUTES_MS,
  )
  t.match(notice.title, '10.00', 'the seller is notified of it')
  const transfers = platform.sandbox.provider.store.all<{ amount: number }>('transfers')
  t.match(transfers, [{ amount: 1_000, currency: 'usd', metadata: { sellerId: sue.id } }])
  t.strictSame((await ask(sue, 'GET', '/api/v1/billing/balance')).body, {
    balances: [{ currencyCode: 'USD', pending: '0.00', payable: '0.00' }],
  })
})

/** Three files of a phone. */
function photos(): string[] {
  const folder = mkdtempSync(joinPath(tmpdir(), 'photos-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return [10, 130, 250].map((hue) => {
    const path = joinPath(folder, `photo-${hue}.png`)
    writeFileSync(path, drawThing('clock', hue))
    return path
  })
}

const text = (page: Page, selector: string) =>
  page.$eval(selector, (element) => (element.textContent ?? '').trim())

/** Opens the page again until it has the element, as people do who wait. */
async function reloadUntil(page: Page, selector: string): Promise<void> {
  await waitFor(
    selector,
    async () => {
      if ((await page.$(selector)) !== null) return true
      await page.reload()
      return false
    },
    MINUTES_MS,
  )
}

/** Of time that no test can wait for. */
async function alter(service: 'bid' | 'order', statement: string, id: string): Promise<void> {
  const pool = openPool(platform.postgres.url(service))
  const { rowCount } = await pool.query(statement, [id])
  await pool.end()
  if (rowCount === 0) throw new Error(`nothing of ${service} is ${id}`)
}

interface Walk {
  name: string
  /** In front of every path. */
  language: '' | '/de' | '/tr'
  hasScript: boolean
  price: string
  maxima: readonly [string, string]
}

/** A sale from the registrations to the payout, by the pages only; logging in, bidding and paying by the keyboard. */
async function walk(t: Test, { name, language, hasScript, price, maxima }: Walk) {
  const people = { seller: 'Sue', first: 'Bob', second: 'Eve' } as const
  const phones = {} as Record<keyof typeof people, Page>
  const shots: Record<string, number> = {}
  const shoot = async (who: keyof typeof people, what: string) => {
    shots[name] = (shots[name] ?? 0) + 1
    const number = String(shots[name]).padStart(2, '0')
    await picture(phones[who], `${name}-${number}-${who}-${what}`)
  }
  const open = (who: keyof typeof people, path: string) =>
    visit(phones[who], `${origin}${language}${path}`)
  const pathOf = (who: keyof typeof people) => new URL(phones[who].url()).pathname

  for (const [who, called] of Object.entries(people) as [keyof typeof people, string][]) {
    phones[who] = await openPhone(browser, { hasScript, complaints })
    const page = phones[who]
    t.teardown(() => page.browserContext().close())
    const email = `${called.toLowerCase()}-${unique()}@example.test`
    await open(who, '/register')
    await send(page, 'register', { name: called, email, password: PASSWORD })
    if (who === 'seller') await shoot(who, 'registered')
    await open(who, '/login')
    await tabTo(page, '#field-email')
    await page.keyboard.type(email)
    await tabTo(page, '#field-password')
    await page.keyboard.type(PASSWORD)
    if (who === 'seller') await shoot(who, 'login')
    await pressEnter(page)
    t.match(await text(page, 'header'), called, `${called} is logged in`)
  }

  const { seller, first, second } = phones
  await open('seller', '/sell')
  await send(seller, 'what', {
    name: `Clock ${name}`,
    description: 'Runs, and strikes the hour.\nOne scratch.',
  })
  await shoot('seller', 'pictures-none')
  const input = await seller.$('input[type="file"]')
  await (input as ElementHandle<HTMLInputElement>).uploadFile(...photos())
  await send(seller, 'upload', {})
  t.equal((await seller.$$('.shots > li')).length, 3, 'three pictures')
  await shoot('seller', 'pictures')
  await follow(seller, 'a.primary')
  await send(seller, 'price', { startPrice: price })
  await send(seller, 'delivery', { 'attr-delivery_note': 'DHL' })
  await shoot('seller', 'preview')
  await send(seller, 'publish', {})
  const lot = pathOf('seller').replace(language, '')
  t.match(lot, /^\/lots\/[0-9a-f-]{36}$/)
  const itemId = lot.slice('/lots/'.length)
  await shoot('seller', 'published')

  const bid = async (page: Page, maximum: string) => {
    await tabTo(page, '#field-maxAmount')
    await page.keyboard.type(maximum)
    await pressEnter(page)
    if ((await page.$('form[data-form="confirm"]')) === null) return
    await tabTo(page, 'form[data-form="confirm"] button')
    await pressEnter(page)
  }
  await open('first', lot)
  // The seller's item reaches the one who decides bids a moment later.
  await reloadUntil(first, 'form[data-form="bid"]')
  await shoot('first', 'lot')
  await bid(first, maxima[0])
  t.ok(await first.$('.standing.leading'), 'the first bidder leads')
  await shoot('first', 'leads')
  await open('second', lot)
  await bid(second, maxima[1])
  t.ok(await second.$('.standing.leading'), 'the second one does')
  if (hasScript) await first.waitForSelector('.standing.outbid')
  else await reloadUntil(first, '.standing.outbid')
  await shoot('first', 'outbid')

  // The week passes at once.
  await alter(
    'bid',
    `update lots set ends_at = n.t, original_ends_at = n.t, hard_ends_at = n.t
     from (select clock_timestamp() as t) n where item_id = $1`,
    itemId,
  )
  if (hasScript) {
    await first.waitForSelector('.standing.lost')
    await second.waitForSelector('.standing.won')
  } else {
    await reloadUntil(first, '.standing.lost')
    await reloadUntil(second, '.standing.won')
  }
  await shoot('first', 'lost')
  await reloadUntil(second, 'live-lot a.primary')
  await shoot('second', 'won')

  await open('second', '/my/orders')
  await reloadUntil(second, 'tbody th a')
  await shoot('second', 'orders')
  await follow(second, 'tbody th a')
  await shoot('second', 'order')
  await second.select('#field-country', 'DE')
  await send(second, 'delivery', {
    name: 'Eve Example',
    line1: 'Musterstraße 5',
    postalCode: '10115',
    city: 'Berlin',
  })
  await shoot('second', 'delivery')
  await tabTo(second, 'section.panel a.primary')
  await pressEnter(second)
  await tabTo(second, 'form[data-form="pay"] button')
  await pressEnter(second)
  await shoot('second', 'pay')
  await tabTo(second, 'section.panel a.primary')
  await pressEnter(second)
  t.not(new URL(second.url()).origin, origin, 'the page of the provider')
  await tabTo(second, 'button.main')
  await pressEnter(second)
  t.equal(new URL(second.url()).origin, origin, 'back from the provider')
  if (hasScript) await second.waitForSelector('.standing.paid')
  else await reloadUntil(second, '.standing.paid')
  await shoot('second', 'paid')

  await open('seller', '/my/sales')
  await shoot('seller', 'sales')
  await follow(seller, 'tbody th a')
  await reloadUntil(seller, 'form[data-form="ship"]')
  await shoot('seller', 'sale')
  await send(seller, 'ship', { trackingNumber: '00340434161094042557' })
  await shoot('seller', 'shipped')
  await open('second', '/my/orders')
  await follow(second, 'tbody th a')
  await shoot('second', 'on-its-way')
  await send(second, 'receipt', {})
  t.ok(await second.$('.standing.delivered'), 'it has arrived')
  await shoot('second', 'received')
  // So do the days in which the buyer may object.
  const order = pathOf('second').split('/').at(-1) ?? ''
  await alter(
    'order',
    `update timers set due_at = clock_timestamp() where order_id = $1 and kind = 'complete'`,
    order,
  )
  await reloadUntil(second, '.standing.completed')

  await open('seller', '/my/payouts')
  await seller.select('#field-country', 'DE')
  await send(seller, 'account', {})
  await shoot('seller', 'to-provider')
  await follow(seller, 'main a.primary')
  await follow(seller, 'button.main')
  t.equal(new URL(seller.url()).origin, origin, 'the seller is back')
  await reloadUntil(seller, 'section[aria-labelledby="payouts"] tbody tr')
  await shoot('seller', 'payouts')
  for (const [who, path, what] of [
    ['seller', '/notifications', 'notices'],
    ['second', '/notifications', 'notices'],
    ['second', '/my', 'overview'],
    ['seller', '/my/items', 'items'],
  ] as const) {
    await open(who, path)
    await shoot(who, what)
  }
}

t.test('a sale by the pages, from the registrations to the payout', (t) =>
  walk(t, { name: 'script', language: '', hasScript: true, price: '20', maxima: ['30', '45'] }),
)

t.test('the same without a script, in German', (t) =>
  walk(t, {
    name: 'no-script-de',
    language: '/de',
    hasScript: false,
    price: '20,00',
    maxima: ['30,00', '45,50'],
  }),
)

/** In the place of the push service of the browser's vendor: whom a browser asks, and which no test can reach. */
function standInForPushService(keys: Record<string, string>): void {
  const endpoint = 'https://push.example.com/send/1'
  const made = {
    endpoint,
    toJSON: () => ({ endpoint, expirationTime: null, keys }),
    unsubscribe: async () => {
      sessionStorage.removeItem('subscribed')
      return true
    },
  }
  const { prototype } = PushManager as unknown as { prototype: Record<string, unknown> }
  prototype.subscribe = async () => {
    sessionStorage.setItem('subscribed', 'yes')
    return made
  }
  prototype.getSubscription = async () =>
    sessionStorage.getItem('subscribed') === 'yes' ? made : null
}

async function pushKeys(): Promise<Record<string, string>> {
  const { publicKey } = (await crypto.subtle.generateKey(
    { name: 'ECDH', namedCurve: 'P-256' },
    true,
    ['deriveBits'],
  )) as CryptoKeyPair
  const raw = await crypto.subtle.exportKey('raw', publicKey)
  const text = (bytes: ArrayBuffer | Uint8Array) =>
    Buffer.from(bytes as Uint8Array).toString('base64url')
  return {
    p256dh: text(new Uint8Array(raw)),
    auth: text(crypto.getRandomValues(new Uint8Array(16))),
  }
}

t.test('a browser shows notices when its user wants it, until they log out', async (t) => {
  const ann = await join(client, 'Ann', `ann-${unique()}`)
  // Of the browser itself: a private window allows no notices.
  const page = await browser.newPage()
  await becomePhone(page, { hasScript: true, complaints })
  await page.evaluateOnNewDocument(standInForPushService, await pushKeys())
  const allow = (state: 'granted' | 'denied' | 'prompt') =>
    page.browserContext().setPermission(origin, { permission: { name: 'notifications' }, state })
  const settings = `${origin}/notifications/settings`
  const offer = '#push-here button:not([hidden])'
  await allow('denied')
  await visit(page, `${origin}/login?returnTo=%2Fnotifications%2Fsettings`)
  await send(page, 'login', { email: ann.email, password: PASSWORD })
  await page.waitForFunction(() =>
    document.querySelector('#push-here small')?.textContent?.includes('blocks notices'),
  )
  t.equal(await page.$(offer), null)
  await picture(page, 'push-1-blocked')
  await allow('granted')
  // The page is the same one: its user need not open it again.
  await page.waitForSelector(offer)
  await picture(page, 'push-2-offered')
  await Promise.all([page.waitForNavigation(), page.click(offer)])
  t.equal(
    await text(page, '#flash'),
    'This browser shows your notices from now on. It ends when you log out here.',
  )
  await page.waitForSelector('[data-push] em:not([hidden])')
  t.match(await text(page, '[data-push]'), /^Chrome on Linux/)
  t.equal(await page.$(offer), null, 'it is not offered twice')
  await picture(page, 'push-3-on')

  const cdp = await page.createCDPSession()
  const registrationId = await new Promise<string>((resolve) => {
    cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const [registration] = registrations
      if (registration !== undefined) resolve(registration.registrationId)
    })
    cdp.send('ServiceWorker.enable').catch(t.error)
  })
  const notice = {
    title: 'You were outbid: Wempe clock',
    body: 'It is at €45.00.',
    path: '/lots/1?from=push',
    tag: 'one',
  }
  await cdp.send('ServiceWorker.deliverPushMessage', {
    origin: `${origin}/`,
    registrationId,
    data: JSON.stringify(notice),
  })
  // In the page: who asks the worker again and again keeps it from the message.
  await waitFor('the notice', () =>
    page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration('/assets/push-worker.js')
      return ((await registration?.getNotifications()) ?? []).length === 1
    }),
  )
  const target = await browser.waitForTarget((each) => each.type() === 'service_worker')
  const worker = await target.worker()
  const clicked = await worker?.evaluate(async () => {
    const { registration, clients } = self as unknown as {
      registration: ServiceWorkerRegistration
      clients: { openWindow(url: string): Promise<null> }
    }
    const [notification] = await registration.getNotifications()
    const opened: string[] = []
    // Only a finger of a person may open a window.
    clients.openWindow = async (url) => {
      opened.push(url)
      return null
    }
    const Click = (self as unknown as { NotificationEvent: new (n: string, o: object) => Event })
      .NotificationEvent
    self.dispatchEvent(new Click('notificationclick', { notification }))
    return { title: notification?.title, body: notification?.body, opened }
  })
  const { title, body, path } = notice
  t.strictSame(clicked, { title, body, opened: [origin + path] })

  await send(page, 'end-push', {})
  t.equal(await text(page, '#flash'), 'That browser shows no notices any more.')
  await page.waitForSelector(offer)
  await Promise.all([page.waitForNavigation(), page.click(offer)])
  await page.waitForSelector('[data-push] em:not([hidden])')
  const workers = () =>
    page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)
  t.equal(await workers(), 1)
  await send(page, 'logout', {})
  t.equal(await workers(), 0, 'the next user of the browser sees no notices of Ann')
  await visit(page, settings)
  t.equal(new URL(page.url()).pathname, '/login')
  await page.close()
})

t.test('no page was refused anything by its own policy', async (t) => {
  t.strictSame(complaints, [])
})
