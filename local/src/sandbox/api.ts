import type { Charge, Dispute, Intent, Refund, SandboxEvent, Session, Transfer } from './objects.ts'
import type { Provider } from './provider.ts'
import { checkRequest } from './request-check.ts'
import { type Form, listOf, page, StripeError, textOf } from './wire.ts'

interface Endpoint {
  method: 'GET' | 'POST'
  /** As Stripe's document writes it; names its request schema. */
  template: string
  answer(provider: Provider, id: string, form: Form): unknown
}

type Listed = { id: string; created: number }

/** A list, newest first, of what has the values that the query names. */
function list<T extends Listed>(collection: string, fields: readonly (keyof T & string)[]) {
  return (provider: Provider, path: string, query: Form) => {
    const wanted = fields.flatMap((field) => {
      const value = textOf(query[field])
      return value === undefined ? [] : [[field, value] as const]
    })
    const found = provider.store
      .all<T>(collection)
      .filter((one) => wanted.every(([field, value]) => one[field] === value))
    return page(path, found.reverse(), query)
  }
}

const LISTS: Readonly<Record<string, (provider: Provider, path: string, query: Form) => unknown>> =
  {
    '/v1/events': list<SandboxEvent>('events', ['type']),
    '/v1/payment_intents': list<Intent>('intents', []),
    '/v1/checkout/sessions': list<Session>('sessions', ['payment_intent', 'status']),
    '/v1/charges': list<Charge>('charges', ['payment_intent', 'transfer_group']),
    '/v1/refunds': list<Refund>('refunds', ['payment_intent', 'charge']),
    '/v1/disputes': list<Dispute>('disputes', ['payment_intent', 'charge']),
    '/v1/transfers': list<Transfer>('transfers', ['destination', 'transfer_group']),
  }

const ENDPOINTS: readonly Endpoint[] = [
  post('/v1/checkout/sessions', (provider, _id, form) => provider.createSession(form)),
  get('/v1/checkout/sessions/{session}', (provider, id) => provider.session(id)),
  post('/v1/checkout/sessions/{session}/expire', (provider, id) => provider.expireSession(id)),
  post('/v1/payment_intents', (provider, _id, form) => provider.createIntent(form)),
  get('/v1/payment_intents/{intent}', (provider, id) => provider.intent(id)),
  post('/v1/payment_intents/{intent}/confirm', (provider, id, form) =>
    provider.confirmIntent(id, form),
  ),
  post('/v1/payment_intents/{intent}/capture', (provider, id, form) => provider.capture(id, form)),
  post('/v1/payment_intents/{intent}/cancel', (provider, id, form) =>
    provider.cancelIntent(id, form),
  ),
  get('/v1/charges/{charge}', (provider, id) => provider.charge(id)),
  post('/v1/refunds', (provider, _id, form) => provider.refund(form)),
  get('/v1/refunds/{refund}', (provider, id) => provider.refundById(id)),
  get('/v1/disputes/{dispute}', (provider, id) => provider.dispute(id)),
  post('/v1/accounts', (provider, _id, form) => provider.connect.createAccount(form)),
  get('/v1/accounts/{account}', (provider, id) => provider.connect.account(id)),
  post('/v1/account_links', (provider, _id, form) => provider.connect.createAccountLink(form)),
  post('/v1/transfers', (provider, _id, form) => provider.connect.createTransfer(form)),
  get('/v1/transfers/{transfer}', (provider, id) => provider.connect.transfer(id)),
  post('/v1/transfers/{id}/reversals', (provider, id, form) => provider.connect.reverse(id, form)),
  get('/v1/transfers/{id}/reversals', (provider, id, form) =>
    page(`/v1/transfers/${id}/reversals`, provider.connect.reversals(id), form),
  ),
]

function get(template: string, answer: Endpoint['answer']): Endpoint {
  return { method: 'GET', template, answer }
}

function post(template: string, answer: Endpoint['answer']): Endpoint {
  return { method: 'POST', template, answer }
}

const PATTERNS = ENDPOINTS.map((endpoint) => ({
  endpoint,
  pattern: new RegExp(`^${endpoint.template.replace(/\{[^}]+\}/g, '([^/]+)')}$`),
}))

/** Answers one request of the API. */
export function answerRequest(
  provider: Provider,
  method: string,
  path: string,
  form: Form,
): unknown {
  const answer = answerOf(provider, method, path, form)
  return listOf(form.expand).reduce<unknown>(
    (value, field) => expand(provider, value, (textOf(field) ?? '').split('.')),
    structuredClone(answer),
  )
}

function answerOf(provider: Provider, method: string, path: string, form: Form): unknown {
  const listed = method === 'GET' ? LISTS[path] : undefined
  if (listed !== undefined) return listed(provider, path, form)
  for (const { endpoint, pattern } of PATTERNS) {
    const match = endpoint.method === method ? pattern.exec(path) : null
    if (match === null) continue
    if (method === 'POST') checkRequest(endpoint.template, form)
    return endpoint.answer(provider, match[1] ?? '', form)
  }
  throw new StripeError(
    404,
    'invalid_request_error',
    `Unrecognized request URL (${method}: ${path}).`,
  )
}

const COLLECTIONS: Readonly<Record<string, string>> = {
  payment_intent: 'intents',
  latest_charge: 'charges',
  charge: 'charges',
  dispute: 'disputes',
  destination: 'accounts',
}

/** Puts an object in the place of its id, at any depth. */
function expand(provider: Provider, value: unknown, path: readonly string[]): unknown {
  const [field, ...rest] = path
  if (field === undefined || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((one) => expand(provider, one, path))
  const place = value as Record<string, unknown>
  if (!(field in place)) {
    throw new StripeError(
      400,
      'invalid_request_error',
      `This property cannot be expanded (${field}).`,
    )
  }
  const inner = place[field]
  const collection = COLLECTIONS[field]
  const found =
    typeof inner === 'string' && collection !== undefined
      ? structuredClone(provider.store.get(collection, inner) ?? inner)
      : inner
  return { ...place, [field]: expand(provider, found, rest) }
}
