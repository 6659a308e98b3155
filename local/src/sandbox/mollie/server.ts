import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { takeFault } from '../faults.ts'
import { hasKey, readBody } from '../requests.ts'
import { Store } from '../store.ts'
import { MollieError, notFound, type Payment } from './objects.ts'
import { MollieProvider } from './provider.ts'

export interface MollieSandboxOptions {
  /** The key that clients send. */
  apiKey: string
  /** Where state is kept; absent: nowhere. */
  file?: string
}

export interface MollieSandbox {
  url: string
  provider: MollieProvider
  store: Store
  /** Resolves when every report that is due was sent. */
  reported(): Promise<void>
  close(): Promise<void>
}

const KEY_LIFETIME_MS = 3_600_000
const LATE_MS = 3_000
const REPORT_TRIES = 10
const REPORT_PAUSE_MS = 500
const PAGE_MAX = 250
const COLLECTIONS = ['payments', 'refunds', 'chargebacks']

interface StoredAnswer {
  request: string
  status: number
  json: string
  atMs: number
}

/** Starts a payment provider of our own on Mollie's wire, at an address of this machine. */
export async function startMollieSandbox(options: MollieSandboxOptions): Promise<MollieSandbox> {
  const store = new Store(options.file)
  const closing = new AbortController()
  const reports = new Set<Promise<void>>()
  const provider = new MollieProvider(store, (payment) => {
    const report = sendReport(payment, closing.signal).finally(() => reports.delete(report))
    reports.add(report)
  })
  let url = ''
  // A connection that is ended while a request comes looks like an outage, and no provider has it after five seconds.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    answer({ store, provider, apiKey: options.apiKey, url }, request, response).catch(() =>
      response.destroy(),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  url = `http://localhost:${(server.address() as AddressInfo).port}`
  const reported = async () => {
    await Promise.all(reports)
  }
  return {
    url,
    provider,
    store,
    reported,
    async close() {
      closing.abort()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await reported()
    },
  }
}

/** A report says only which payment changed, and is repeated until it is taken. */
async function sendReport({ id, webhookUrl }: Payment, signal: AbortSignal): Promise<void> {
  if (webhookUrl === null) return
  for (let count = 0; count < REPORT_TRIES && !signal.aborted; count += 1) {
    const isTaken = await fetch(webhookUrl, {
      method: 'POST',
      body: new URLSearchParams({ id }),
      redirect: 'error',
      signal,
    }).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isTaken) return
    await wait(REPORT_PAUSE_MS, undefined, { signal }).catch(() => undefined)
  }
}

interface Parts {
  store: Store
  provider: MollieProvider
  apiKey: string
  url: string
}

async function answer(
  parts: Parts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sandbox')
  const body = await readBody(request)
  const method = request.method ?? 'GET'
  if (pathname.startsWith('/checkout/')) {
    const id = pathname.split('/')[2] ?? ''
    answerPage(parts.provider, response, id, method === 'POST' ? body : undefined)
    return
  }
  const fault = takeFault(parts.store, method, pathname)
  if (fault === 'drop') {
    response.destroy()
    return
  }
  if (fault === 'error' || fault === 'rate_limited') {
    const status = fault === 'error' ? 500 : 429
    send(response, status, JSON.stringify(new MollieError(status, 'Fault', 'Fault').body))
    return
  }
  const { status, json } = perform(parts, request, method, pathname, searchParams, body)
  if (fault === 'lose_answer') {
    response.destroy()
    return
  }
  // The client ends the request, or never does.
  if (fault === 'hang') return
  if (fault === 'late') await wait(LATE_MS)
  send(response, status, json)
}

function send(response: ServerResponse, status: number, json: string): void {
  response.writeHead(status, { 'content-type': 'application/hal+json' })
  response.end(json)
}

/** Does what a request asks, once for each idempotency key of the last hour. */
function perform(
  { store, provider, apiKey, url }: Parts,
  request: IncomingMessage,
  method: string,
  path: string,
  query: URLSearchParams,
  body: string,
): { status: number; json: string } {
  try {
    if (!hasKey(request, apiKey)) {
      throw new MollieError(401, 'Unauthorized Request', 'Missing authentication, or failed to')
    }
    const key = method === 'GET' ? undefined : request.headers['idempotency-key']
    const fingerprint = createHash('sha256').update(`${method} ${path}\n${body}`).digest('hex')
    const known = typeof key === 'string' ? store.get<StoredAnswer>('keys', key) : undefined
    if (known !== undefined && known.atMs > Date.now() - KEY_LIFETIME_MS) {
      if (known.request === fingerprint) return known
      throw new MollieError(400, 'Bad Request', 'The idempotency key was used for another request')
    }
    const { status, value } = route(provider, url, method, path, query, body)
    const json = value === undefined ? '' : JSON.stringify(value)
    if (typeof key === 'string') {
      store.put<StoredAnswer>('keys', key, {
        request: fingerprint,
        status,
        json,
        atMs: Date.now(),
      })
    }
    return { status, json }
  } catch (error) {
    if (!(error instanceof MollieError)) throw error
    return { status: error.status, json: JSON.stringify(error.body) }
  }
}

function route(
  provider: MollieProvider,
  url: string,
  method: string,
  path: string,
  query: URLSearchParams,
  body: string,
): { status: number; value?: unknown } {
  const [, version, collection, id, part] = path.split('/')
  if (version !== 'v2' || !COLLECTIONS.includes(collection ?? ''))
    throw notFound('No such resource')
  if (collection !== 'payments') {
    if (method !== 'GET' || id !== undefined) throw notFound('No such resource')
    return { status: 200, value: pageOf(provider, url, collection ?? '', query) }
  }
  const given = body === '' ? {} : (JSON.parse(body) as Record<string, unknown>)
  switch (`${method} ${id === undefined ? '' : 'id'}${part === undefined ? '' : `/${part}`}`) {
    case 'POST ':
      return { status: 201, value: shown(provider, url, provider.create(given), query) }
    case 'GET ':
      return { status: 200, value: pageOf(provider, url, collection, query) }
    case 'GET id':
      return { status: 200, value: shown(provider, url, provider.payment(id ?? ''), query) }
    case 'DELETE id':
      return { status: 200, value: shown(provider, url, provider.cancel(id ?? ''), query) }
    case 'POST id/captures':
      return { status: 201, value: provider.capture(id ?? '', given) }
    case 'POST id/refunds':
      return { status: 201, value: provider.refund(id ?? '', given) }
    case 'POST id/release-authorization':
      provider.release(id ?? '')
      return { status: 202 }
    default:
      throw notFound('No such resource')
  }
}

function shown(provider: MollieProvider, url: string, payment: Payment, query: URLSearchParams) {
  const { id, status } = payment
  const wanted = (query.get('embed') ?? '').split(',')
  const embedded = {
    ...(wanted.includes('captures') ? { captures: provider.captures(id) } : {}),
    ...(wanted.includes('refunds') ? { refunds: provider.refunds(id) } : {}),
    ...(wanted.includes('chargebacks') ? { chargebacks: provider.chargebacks(id) } : {}),
  }
  const checkout = { href: `${url}/checkout/${id}`, type: 'text/html' }
  return {
    ...payment,
    _links: {
      self: { href: `${url}/v2/payments/${id}` },
      ...(status === 'open' ? { checkout } : {}),
    },
    ...(Object.keys(embedded).length === 0 ? {} : { _embedded: embedded }),
  }
}

function pageOf(provider: MollieProvider, url: string, collection: string, query: URLSearchParams) {
  const limit = Number(query.get('limit') ?? 50)
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_MAX) {
    throw new MollieError(400, 'Bad Request', 'Invalid limit')
  }
  const { found, next } = provider.list(collection, limit, query.get('from') ?? undefined)
  const href = `${url}/v2/${collection}?from=${next}&limit=${limit}`
  return {
    count: found.length,
    _embedded: { [collection]: found },
    _links: { next: next === undefined ? null : { href, type: 'application/hal+json' } },
  }
}

/** The page of Mollie's test mode asks which end the payment shall have. */
function answerPage(
  provider: MollieProvider,
  response: ServerResponse,
  id: string,
  form: string | undefined,
): void {
  const payment = provider.payment(id)
  if (form !== undefined) {
    const { redirectUrl } = provider.choose(id, new URLSearchParams(form).get('outcome') ?? '')
    response.writeHead(303, { location: redirectUrl })
    response.end()
    return
  }
  const buttons = ['paid', 'failed', 'canceled', 'expired'].map(
    (outcome) => `<button name="outcome" value="${outcome}">${outcome}</button>`,
  )
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  })
  response.end(`<!doctype html><html lang="en"><title>Pay</title><h1>Pay ${payment.amount.value} ${payment.amount.currency}</h1>
<form method="post">${buttons.join(' ')}</form></html>`)
}
