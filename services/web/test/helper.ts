import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { buildApp } from '#src/app/app.ts'

export type Answer = (url: string) => { status: number; body: unknown }

interface Test {
  teardown(step: () => unknown): void
}

/** A real HTTP server in the place of the services behind the pages. */
export async function startUpstream(t: Test, answer: Answer) {
  const urls: string[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const url = request.url ?? ''
    urls.push(url)
    const { status, body } = answer(url)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, urls }
}

/** The pages over an upstream. */
export async function startApp(t: Test, url: string) {
  const app = await buildApp({
    auctionUrl: url,
    bidUrl: url,
    log: createLogger('web', 'silent'),
    registry: createRegistry('web'),
  })
  t.teardown(() => app.close())
  return app
}

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
}

export const list = {
  items: [item],
  page: 1,
  pageSize: 24,
  totalItems: 1,
  totalPages: 1,
  serverTime: '2026-11-23T18:00:00.000Z',
}

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
  startDate: item.startDate,
  endDate: item.endDate,
  hardEndDate: item.endDate,
  serverTime: list.serverTime,
}

export const history = {
  bids: [
    { bidder: 'bidder 3', kind: 'auto', amount: '1234.50', bidAt: '2026-11-23T17:59:00.000Z' },
    { bidder: 'bidder 1', kind: 'manual', amount: '1209.50', bidAt: '2026-11-23T17:59:00.000Z' },
  ],
}

/** Answers of healthy services; an override replaces the answer of one path. */
export function healthy(overrides: Record<string, unknown> = {}): Answer {
  const bodies: Record<string, unknown> = {
    '/api/v1/items': list,
    [`/api/v1/items/${ITEM_ID}`]: item,
    [`/api/v1/lots/${ITEM_ID}`]: lot,
    [`/api/v1/lots/${ITEM_ID}/bids`]: history,
    ...overrides,
  }
  return (url) => {
    const body = bodies[url.split('?')[0] ?? '']
    return body === undefined ? { status: 404, body: {} } : { status: 200, body }
  }
}
