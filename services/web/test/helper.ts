import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { htmlFaults } from '@auction/common/testing/valid-html.ts'
import tap from 'tap'
import { buildApp, type Waits } from '#src/app/app.ts'
import type { ServiceUrls } from '#src/infra/http/services.ts'

export const PUBLIC_URL = 'https://auction.example'

/** What a browser sends with a form of our own pages. */
export const OWN_PAGE = { 'sec-fetch-site': 'same-origin', origin: PUBLIC_URL }

/** What a service answers; `cut` closes the connection instead. */
export type Answer = (
  url: string,
  request: Asked,
) => { status: number; body: unknown; headers?: Record<string, string | string[]> } | 'cut'

/** What a service behind the pages was asked. */
export interface Asked {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

interface Test {
  teardown(step: () => unknown): void
}

/** A real HTTP server in the place of the services behind the pages. */
export async function startUpstream(
  t: Test,
  answer: Answer,
  { neverAnswers }: { neverAnswers?: string } = {},
) {
  const urls: string[] = []
  const asked: Asked[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { url = '', method = '', headers: sent } = request
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      text += String(chunk)
    })
    request.on('end', () => {
      urls.push(url)
      const one = { method, url, headers: sent, body: text }
      asked.push(one)
      if (url.split('?')[0] === neverAnswers) return
      const answered = answer(url, one)
      if (answered === 'cut') return request.socket.destroy()
      const { status, body, headers = {} } = answered
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      if (status === 204) response.end()
      else response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, urls, asked }
}

/** What is wrong with the markup of pages that tests of this file were shown. */
const faults: string[] = []
tap.teardown(() => {
  if (faults.length > 0) throw new Error(`pages are not valid HTML:\n${faults.join('\n')}`)
})

/** One upstream in the place of every service. */
export const urlsOf = (url: string): ServiceUrls => ({
  auctionUrl: url,
  bidUrl: url,
  identityUrl: url,
  orderUrl: url,
  paymentUrl: url,
  notificationUrl: url,
})

/** A read that the machine delays is not sent twice, and no part is left out. */
const PATIENT = { readMs: 60_000, unreadMs: 60_000, lookMs: 60_000 }

/** The pages over an upstream. Whatever a test asks them for, each page that they answer must be valid HTML. */
export async function startApp(t: Test, url: string, waits: Partial<Waits> = {}) {
  const app = await buildApp({
    ...urlsOf(url),
    waits: { ...PATIENT, ...waits },
    publicUrl: PUBLIC_URL,
    log: createLogger('web', 'silent'),
    registry: createRegistry('web'),
  })
  app.addHook('onSend', async (request, reply, payload) => {
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html')
    if (isPage && typeof payload === 'string' && payload !== '') {
      const { method, url } = request
      faults.push(...htmlFaults(payload).map((fault) => `${method} ${url}, ${fault}`))
    }
    return payload
  })
  t.teardown(() => app.close())
  return app
}

export const SELLER_ID = '019a0000-0000-7000-8000-0000000000aa'
export const ITEM_ID = '019a0000-0000-7000-8000-000000000001'

export const item = {
  id: ITEM_ID,
  name: 'Brass sextant',
  description: 'From 1890,\nin its box.',
  currencyCode: 'EUR',
  startPrice: '100.00',
  currentPrice: '1234.50',
  bidCount: 7,
  hasReserve: true,
  reserveMet: false,
  startDate: '2026-11-20T10:00:00.000Z',
  endDate: '2026-11-23T18:04:05.000Z',
  status: 'active',
  sellerID: SELLER_ID,
  termsVersion: 3,
  extensionThresholdMinutes: 5,
  extensionDurationMinutes: 5,
  extensionMode: 'from_bid',
  images: [],
  watchCount: 0,
}

export const list = {
  items: [item],
  page: 1,
  pageSize: 24,
  totalItems: 1,
  totalPages: 1,
  serverTime: '2026-11-23T18:00:00.000Z',
}

export const found = {
  items: [item],
  spelling: 'exact',
  similar: [],
  facets: {
    total: 1,
    isTotalExact: true,
    status: { active: 1 },
    type: { english: 1 },
    buyNow: 0,
    categories: {},
  },
  serverTime: list.serverTime,
}

export const CATEGORY_ID = '019a0000-0000-7000-8000-0000000000c1'
export const CHILD_ID = '019a0000-0000-7000-8000-0000000000c2'
export const categories = [
  {
    id: CATEGORY_ID,
    parent_id: null,
    name: 'Instruments',
    description: 'Of brass & wood',
    item_count: 3,
  },
  { id: CHILD_ID, parent_id: CATEGORY_ID, name: 'Sextants', description: '', item_count: 1 },
]

export const noBids = { bids: [], counts: { leading: 0, outbid: 0, won: 0, lost: 0 } }

export const lot = {
  itemId: ITEM_ID,
  phase: 'open',
  currencyCode: 'EUR',
  startPrice: '100.00',
  currentPrice: '1234.50',
  minNextBid: '1259.50',
  bidCount: 7,
  leaderAlias: 'bidder 3',
  hasReserve: true,
  reserveMet: true,
  buyNowAvailable: false,
  startDate: item.startDate,
  endDate: item.endDate,
  hardEndDate: item.endDate,
  extensionCount: 0,
  termsVersion: 3,
  sequence: 7,
  serverTime: list.serverTime,
}

export const seller = {
  name: 'Ada Seller',
  city: 'Ghent',
  country: 'BE',
  description: null,
  isBusiness: false,
  createdAt: '2024-01-02T10:00:00.000Z',
}

/** What the gateway sends for a user who is logged in, and services read. */
export const AS_ANN = { authorization: 'Bearer a.b.c' }

/** Of Ann, who leads. */
export const leading = {
  status: 'leading',
  alias: 'bidder 3',
  myMaxAmount: '1500.00',
  isSeller: false,
  isBlocked: false,
}

export const history = {
  bids: [
    { bidder: 'bidder 3', kind: 'auto', amount: '1234.50', bidAt: '2026-11-23T17:59:00.000Z' },
    { bidder: 'bidder 1', kind: 'manual', amount: '1209.50', bidAt: '2026-11-23T17:59:00.000Z' },
  ],
}

/** Answers of healthy services; an override replaces the answer of one path. */
export function healthy(
  overrides: Record<string, unknown> = {},
): (url: string) => { status: number; body: unknown } {
  const bodies: Record<string, unknown> = {
    '/api/v1/items': list,
    '/api/v1/items/search': found,
    '/api/v1/categories': { items: categories },
    '/api/v1/bids': noBids,
    '/api/v1/watchlist': { items: [] },
    [`/api/v1/items/${ITEM_ID}`]: item,
    [`/api/v1/lots/${ITEM_ID}`]: lot,
    [`/api/v1/lots/${ITEM_ID}/bids`]: history,
    [`/api/v1/lots/${ITEM_ID}/mine`]: { isSeller: false, isBlocked: false },
    [`/api/v1/items/${ITEM_ID}/comments`]: { items: [] },
    [`/api/v1/items/${ITEM_ID}/attributes`]: { items: [] },
    [`/api/v1/user-profiles/${SELLER_ID}`]: seller,
    ...overrides,
  }
  return (url) => {
    const body = bodies[url.split('?')[0] ?? '']
    return body === undefined ? { status: 404, body: {} } : { status: 200, body }
  }
}
