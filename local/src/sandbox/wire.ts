/** A value of a form in Stripe's notation: `metadata[orderId]=1&expand[]=latest_charge`. */
export type FormValue = string | FormValue[] | { [name: string]: FormValue }
export type Form = { [name: string]: FormValue }

const DEPTH_MAX = 8
const FIELDS_MAX = 500

/** An error as Stripe answers it. */
export class StripeError extends Error {
  readonly statusCode: number
  readonly type: string
  readonly details: Readonly<Record<string, unknown>>
  constructor(
    statusCode: number,
    type: string,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
    this.statusCode = statusCode
    this.type = type
    this.details = details
  }

  get body() {
    return { error: { type: this.type, message: this.message, ...this.details } }
  }
}

export const invalid = (message: string, code?: string, param?: string): StripeError =>
  new StripeError(400, 'invalid_request_error', message, {
    ...(code === undefined ? {} : { code }),
    ...(param === undefined ? {} : { param }),
  })

/** Of a seller's account to which the key of the platform has no access. */
export const forbidden = (account: string): StripeError =>
  new StripeError(
    403,
    'invalid_request_error',
    `The provided key does not have access to account '${account}' (or that account does not exist). Application access may have been revoked.`,
    { code: 'account_invalid' },
  )

export const missing = (kind: string, id: string): StripeError =>
  new StripeError(404, 'invalid_request_error', `No such ${kind}: '${id}'`, {
    code: 'resource_missing',
    param: 'id',
  })

/** Reads a body or a query. Names that lie too deep, or would reach into prototypes, are refused. */
export function readForm(text: string): Form {
  const form = emptyForm()
  const fields = [...new URLSearchParams(text)]
  if (fields.length > FIELDS_MAX) throw invalid('Too many parameters')
  for (const [name, value] of fields) {
    const path = pathOf(name)
    if (path.length > DEPTH_MAX || path.includes('__proto__')) {
      throw invalid(`Invalid parameter: ${name}`)
    }
    setAt(form, path, value)
  }
  return closeLists(form) as Form
}

// Without a prototype, names such as `constructor` are only names.
const emptyForm = (): Form => Object.create(null) as Form

function pathOf(name: string): string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name)
  if (match === null) throw invalid(`Invalid parameter: ${name}`)
  const inner = [...(match[2] ?? '').matchAll(/\[([^[\]]*)\]/g)].map(([, part]) => part ?? '')
  return [match[1] ?? '', ...inner]
}

function setAt(form: Form, path: readonly string[], value: string): void {
  let place = form
  path.forEach((given, index) => {
    const part = given === '' ? String(Object.keys(place).length) : given
    if (index === path.length - 1) {
      place[part] = value
      return
    }
    const next = place[part]
    const inner = typeof next === 'object' && !Array.isArray(next) ? next : emptyForm()
    place[part] = inner
    place = inner
  })
}

/** What has only the names 0, 1, 2 … is a list. */
function closeLists(value: FormValue): FormValue {
  if (typeof value === 'string' || Array.isArray(value)) return value
  const names = Object.keys(value)
  const isList = names.length > 0 && names.every((name, index) => name === String(index))
  if (isList) return names.map((name) => closeLists(value[name] ?? ''))
  return Object.fromEntries(names.map((name) => [name, closeLists(value[name] ?? '')]))
}

export const textOf = (value: FormValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined

export const formOf = (value: FormValue | undefined): Form =>
  typeof value === 'object' && !Array.isArray(value) ? value : {}

export const listOf = (value: FormValue | undefined): FormValue[] =>
  Array.isArray(value) ? value : []

/** A whole number; undefined when the parameter is absent. */
export function numberOf(value: FormValue | undefined, name: string): number | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string' || !/^-?\d{1,15}$/.test(value)) {
    throw invalid(`Invalid integer: ${String(value)}`, 'parameter_invalid_integer', name)
  }
  return Number(value)
}

/** Metadata as it is stored: text by text. */
export const metadataOf = (value: FormValue | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(formOf(value)).map(([name, one]) => [name, textOf(one) ?? '']))

const PAGE_DEFAULT = 10
const PAGE_MAX = 100

/** One page of a list that is newest first, as Stripe pages: `limit`, `starting_after`, `created[gte]`. */
export function page<T extends { id: string; created: number }>(
  path: string,
  newestFirst: readonly T[],
  query: Form,
) {
  const limit = numberOf(query.limit, 'limit') ?? PAGE_DEFAULT
  if (limit < 1 || limit > PAGE_MAX)
    throw invalid('limit must be between 1 and 100', undefined, 'limit')
  const created = formOf(query.created)
  const bound = (name: string) => numberOf(created[name], `created[${name}]`)
  const [gte, gt, lte, lt] = [bound('gte'), bound('gt'), bound('lte'), bound('lt')]
  const wanted = newestFirst.filter(
    (one) =>
      (gte === undefined || one.created >= gte) &&
      (gt === undefined || one.created > gt) &&
      (lte === undefined || one.created <= lte) &&
      (lt === undefined || one.created < lt),
  )
  const after = textOf(query.starting_after)
  const start = after === undefined ? 0 : wanted.findIndex(({ id }) => id === after) + 1
  if (after !== undefined && start === 0) throw missing('object', after)
  const data = wanted.slice(start, start + limit)
  return { object: 'list', url: path, has_more: wanted.length > start + limit, data }
}
