import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { answerRequest } from './api.ts'
import { newId } from './checks.ts'
import { answerControl } from './control.ts'
import { type FaultKind, readWebhookSettings, takeFault } from './faults.ts'
import type { SessionTerms } from './objects.ts'
import { challengePage, closedPage, onboardingPage, PAGE_POLICY, payPage } from './pages.ts'
import { Provider } from './provider.ts'
import { hasKey, readBody } from './requests.ts'
import { Store } from './store.ts'
import { Webhooks, type WebhookTarget } from './webhooks.ts'
import { type Form, readForm, StripeError, textOf } from './wire.ts'

export interface SandboxOptions {
  /** The key that clients send. */
  secretKey: string
  /** Where events go; absent: nowhere. */
  webhook?: WebhookTarget
  /** Where state is kept; absent: nowhere. */
  file?: string
  /** The address it listens on and is named by; absent: only this machine reaches it. */
  address?: string
  port?: number
}

export interface Sandbox {
  url: string
  provider: Provider
  webhooks: Webhooks
  close(): Promise<void>
}

const TICK_MS = 250
const KEY_LIFETIME_S = 24 * 3_600
const LATE_MS = 3_000

interface StoredAnswer {
  request: string
  statusCode: number
  json: string
  at: number
}

/**
 * Starts a payment provider of our own on Stripe's wire, at an address of this machine. The file names its port
 * again after a restart, so that links that were given out go on working.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const store = new Store(options.file)
  let url = ''
  const webhooks = new Webhooks(store, options.webhook)
  const provider = new Provider(
    store,
    () => url,
    (event) => webhooks.enqueue(event),
  )
  const parts: Parts = { store, provider, webhooks, secretKey: options.secretKey }
  // A connection that is ended while a request comes looks like an outage, and no provider has it after five seconds.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    answer(parts, request, response).catch(() => response.destroy())
  })
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, options.address ?? '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  const wanted = options.port ?? store.get<number>('settings', 'port') ?? 0
  await listen(wanted).catch(() => listen(0))
  const { port } = server.address() as AddressInfo
  store.put('settings', 'port', port)
  url = `http://${options.address ?? 'localhost'}:${port}`
  webhooks.wake()
  const timer = setInterval(() => provider.tick(), TICK_MS)
  return {
    url,
    provider,
    webhooks,
    async close() {
      clearInterval(timer)
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await webhooks.close()
    },
  }
}

interface Parts {
  store: Store
  provider: Provider
  webhooks: Webhooks
  secretKey: string
}

async function answer(
  parts: Parts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://sandbox')
  const body = await readBody(request)
  if (pathname.startsWith('/v1/'))
    return answerApi(parts, request, response, pathname, search, body)
  if (pathname.startsWith('/sandbox/')) {
    const json = await answerControl(parts, request, pathname, body)
    response.statusCode = json === undefined ? 404 : 200
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(json ?? { error: 'no such route' }))
    return
  }
  answerPage(parts.provider, request, response, pathname, body)
}

async function answerApi(
  parts: Parts,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  search: string,
  body: string,
): Promise<void> {
  const { store, webhooks } = parts
  const method = request.method ?? 'GET'
  const fault = takeFault(store, method, path)
  if (fault === 'drop') {
    response.destroy()
    return
  }
  const refusal = fault === undefined ? undefined : REFUSALS[fault]
  if (refusal !== undefined) {
    response.writeHead(refusal.statusCode, { 'content-type': 'application/json' })
    response.end(JSON.stringify(refusal.body))
    return
  }
  const { statusCode, json, isReplayed } = perform(parts, request, method, path, search, body)
  if (readWebhookSettings(store).overtakes) await webhooks.tried()
  if (fault === 'lose_answer') {
    response.destroy()
    return
  }
  // The client ends the request, or never does.
  if (fault === 'hang') return
  if (fault === 'late') await wait(LATE_MS)
  response.writeHead(statusCode, {
    'content-type': 'application/json',
    'request-id': newId('req_'),
    ...(isReplayed ? { 'idempotent-replayed': 'true' } : {}),
  })
  response.end(json)
}

const REFUSALS: Partial<Record<FaultKind, StripeError>> = {
  error: new StripeError(500, 'api_error', 'An unknown error occurred'),
  rate_limited: new StripeError(429, 'invalid_request_error', 'Too many requests', {
    code: 'rate_limit',
  }),
  forbidden: new StripeError(
    403,
    'invalid_request_error',
    'The provided key does not have the required permissions for this endpoint',
  ),
}

/** Does what a request asks, once for each idempotency key. */
function perform(
  { store, provider, secretKey }: Parts,
  request: IncomingMessage,
  method: string,
  path: string,
  search: string,
  body: string,
): { statusCode: number; json: string; isReplayed: boolean } {
  try {
    if (!hasKey(request, secretKey)) {
      throw new StripeError(401, 'invalid_request_error', 'Invalid API Key provided')
    }
    const key = method === 'POST' ? request.headers['idempotency-key'] : undefined
    const fingerprint = createHash('sha256').update(`${path}\n${body}`).digest('hex')
    const known = typeof key === 'string' ? store.get<StoredAnswer>('keys', key) : undefined
    if (known !== undefined && known.at > provider.now() - KEY_LIFETIME_S) {
      if (known.request !== fingerprint) {
        throw new StripeError(
          400,
          'idempotency_error',
          'Keys for idempotent requests can only be used with the same parameters they were first used with.',
        )
      }
      return { statusCode: known.statusCode, json: known.json, isReplayed: true }
    }
    const form = readForm(method === 'GET' ? search : body)
    const done = attempt(() => answerRequest(provider, method, path, form))
    // Requests that were not begun are not kept under their key.
    if (typeof key === 'string' && !done.isUnbegun) {
      const { statusCode, json } = done
      store.put<StoredAnswer>('keys', key, {
        request: fingerprint,
        statusCode,
        json,
        at: provider.now(),
      })
    }
    return { ...done, isReplayed: false }
  } catch (error) {
    if (!(error instanceof StripeError)) throw error
    return { statusCode: error.statusCode, json: JSON.stringify(error.body), isReplayed: false }
  }
}

function attempt(work: () => unknown): { statusCode: number; json: string; isUnbegun: boolean } {
  try {
    return { statusCode: 200, json: JSON.stringify(work()), isUnbegun: false }
  } catch (error) {
    if (!(error instanceof StripeError)) throw error
    const code = String(error.details.code ?? '')
    return {
      statusCode: error.statusCode,
      json: JSON.stringify(error.body),
      isUnbegun: code.startsWith('parameter_'),
    }
  }
}

/** What a page answers: HTML, or where the browser goes next. */
type Answer = { statusCode: number; html: string } | { location: string }

const NOT_FOUND: Answer = { statusCode: 404, html: 'Not found' }
const shown = (html: string): Answer => ({ statusCode: 200, html })

function answerPage(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  body: string,
): void {
  const answer = pageOf(provider, path, request.method === 'POST' ? readForm(body) : undefined)
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.setHeader('content-security-policy', PAGE_POLICY)
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('referrer-policy', 'no-referrer')
  response.setHeader('cache-control', 'no-store')
  if ('location' in answer) {
    response.statusCode = 303
    response.setHeader('location', answer.location)
    response.end()
    return
  }
  response.statusCode = answer.statusCode
  response.end(answer.html)
}

function pageOf(provider: Provider, path: string, form: Form | undefined): Answer {
  const [, kind, id = '', step] = path.split('/')
  try {
    switch (kind) {
      case 'pay':
        return paymentPage(provider, id, step, form)
      case 'onboarding':
        return accountPage(provider, id, form)
      default:
        return NOT_FOUND
    }
  } catch (error) {
    if (error instanceof StripeError) return NOT_FOUND
    throw error
  }
}

function paymentPage(
  provider: Provider,
  id: string,
  step: string | undefined,
  form: Form | undefined,
): Answer {
  const session = provider.session(id)
  const description = provider.store.get<SessionTerms>('terms', id)?.description ?? ''
  if (form === undefined) {
    if (session.status !== 'open') return shown(closedPage(session))
    const isChallenged = step === 'challenge' && provider.isChallenged(id)
    return shown(isChallenged ? challengePage(session) : payPage(session, description))
  }
  const outcome =
    step === 'challenge'
      ? provider.answerChallenge(id, textOf(form.answer) === 'pass')
      : provider.pay(id, textOf(form.card) ?? '')
  switch (outcome) {
    case 'paid':
      return { location: session.success_url.replace('{CHECKOUT_SESSION_ID}', id) }
    case 'challenge':
      return { location: `/pay/${id}/challenge` }
    case 'declined': {
      const html = payPage(session, description, 'The card was declined. Try another one.')
      return { statusCode: 402, html }
    }
    case 'closed':
      return shown(closedPage(provider.session(id)))
  }
}

function accountPage({ connect }: Provider, token: string, form: Form | undefined): Answer {
  const link = connect.link(token)
  if (link === undefined) return NOT_FOUND
  if (link.isOver) return { location: link.refreshUrl }
  if (form === undefined) return shown(onboardingPage(connect.account(link.account), token))
  connect.setAccount(link.account, textOf(form.answer) === 'accept')
  return { location: link.returnUrl }
}
