import type { Talk } from './talk.ts'

/** What is wrong with a form: the field, when it is one, and what to do. */
export interface Problem {
  field?: string
  text: string
}

/** An error body of an API. */
export interface Refusal {
  code: string
  details?: {
    field?: unknown
    reason?: unknown
    retryAfterSeconds?: unknown
    minNextBid?: unknown
    price?: unknown
    confirmation?: unknown
  }
  traceId?: unknown
}

/** The field that a refusal is about, where a page has it. */
const FIELDS: Readonly<Record<string, string>> = {
  'identity.invalid_credentials': 'email',
  'identity.invalid_code': 'code',
  'identity.invalid_email': 'email',
  'identity.invalid_name': 'name',
  'identity.invalid_password': 'password',
  'bid.too_low': 'maxAmount',
  'bid.amount_invalid': 'maxAmount',
  'bid.exceeds_buy_now': 'maxAmount',
}

const NAMED: ReadonlySet<string> = new Set(['email', 'password', 'name', 'code', 'content'])

/** What a reader is shown for the code of a refusal; what is unknown names the request. */
export function problemOf(refusal: Refusal, talk: Talk): Problem {
  const field = Object.hasOwn(FIELDS, refusal.code) ? FIELDS[refusal.code] : fieldOfBody(refusal)
  const text = textOf(refusal, talk)
  return field === undefined ? { text } : { field, text }
}

function fieldOfBody({ code, details = {} }: Refusal): string | undefined {
  if (!code.endsWith('.validation_failed') && !code.startsWith('request.')) return undefined
  const field = String(details.field).replace(/^\//, '')
  return NAMED.has(field) ? field : undefined
}

function textOf({ code, details = {}, traceId }: Refusal, { t, number }: Talk): string {
  const { refusal, errors } = t
  if (code === 'identity.invalid_password') {
    if (details.reason === 'breached') return refusal.breached
    return details.reason === 'common' ? refusal.common : refusal.password
  }
  const minutes = Math.max(1, Math.ceil(Number(details.retryAfterSeconds) / 60)) || 15
  if (code === 'identity.throttled') return refusal.throttled(number(minutes))
  if (code === 'identity.too_many_codes') return refusal.codesThrottled(number(minutes))
  // hasOwn, because a code such as "constructor" is none of ours.
  if (Object.hasOwn(errors, code)) return errors[code as keyof typeof errors]
  if (code.startsWith('request.') || code.endsWith('.validation_failed')) return refusal.fillIn
  const isTrace = typeof traceId === 'string' && /^[\w-]{1,64}$/.test(traceId)
  return isTrace ? `${refusal.unknown} ${refusal.request(traceId)}` : refusal.unknown
}
