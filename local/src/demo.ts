import { setTimeout as wait } from 'node:timers/promises'
import { DEMO_CATEGORIES, DEMO_ITEMS, type DemoItem } from './demo-items.ts'
import { drawThing } from './demo-pictures.ts'

export interface DemoPerson {
  name: string
  email: string
  password: string
}

/** Printed by `make up`; these accounts exist on a developer's machine and nowhere else. */
export const DEMO_PEOPLE: readonly [DemoPerson, DemoPerson] = [
  { name: 'Ada Seller', email: 'ada@example.test', password: 'auction demo ada 1' },
  { name: 'Bob Bidder', email: 'bob@example.test', password: 'auction demo bob 1' },
]

/** Who looks after categories and reports; an admin on a developer's machine. */
export const DEMO_OPERATOR: DemoPerson = {
  name: 'Olga Operator',
  email: 'olga@example.test',
  password: 'auction demo olga 1',
}

export interface DemoOptions {
  gatewayUrl: string
  log: (line: string) => void
  /** Makes an account an admin, as an operator would; without it there are no categories. */
  grantAdmin?: (email: string) => void
}

type Answer = Record<string, unknown>

/** Fills an empty platform through its public API; answers false when something is there already. */
export async function seedDemo(options: DemoOptions): Promise<boolean> {
  const { gatewayUrl, log, grantAdmin } = options
  const call = createCaller(gatewayUrl)
  const [ada, bob] = DEMO_PEOPLE
  const carol: DemoPerson = { ...bob, name: 'Carol Collector', email: 'carol@example.test' }
  // Registering would not show this: it answers the same whether the address has an account.
  const { email, password } = ada
  const known = await call('POST', '/identity/login', {
    body: { email, password },
    accept: [200, 202, 401, 403],
  })
  if (known.statusCode !== 401) return false
  for (const person of [ada, bob, carol]) await call('POST', '/identity/register', { body: person })
  const tokens = await Promise.all([ada, bob, carol].map((person) => logIn(call, person)))
  const [seller = '', ...bidders] = tokens
  const categories = grantAdmin === undefined ? {} : await plant(call, grantAdmin)
  const ids = await Promise.all(
    DEMO_ITEMS.map((item) => list(call, item, { seller, bidders, categories })),
  )
  log(`${DEMO_ITEMS.length} demo items listed`)
  // Some at once: while one is drawn, others are made smaller by the platform on the same machine.
  const waiting = DEMO_ITEMS.entries()
  const work = async () => {
    for (const [index, item] of waiting) {
      await addPictures(gatewayUrl, ids[index] ?? '', item, seller)
    }
  }
  await Promise.all(Array.from({ length: PICTURES_AT_ONCE }, work))
  log('demo pictures drawn')
  return true
}

/** The tree of categories, by name. */
async function plant(
  call: Call,
  grantAdmin: (email: string) => void,
): Promise<Record<string, string>> {
  await call('POST', '/identity/register', { body: DEMO_OPERATOR })
  grantAdmin(DEMO_OPERATOR.email)
  const token = await logIn(call, DEMO_OPERATOR)
  const ids: Record<string, string> = {}
  const add = async (name: string, parentId: string | null) => {
    const body = { name, parent_id: parentId }
    const created = await call('POST', '/api/v1/categories', { token, body })
    ids[name] = String(created.body.id)
  }
  for (const [parent, children] of Object.entries(DEMO_CATEGORIES)) {
    await add(parent, null)
    for (const child of children) await add(child, ids[parent] ?? null)
  }
  return ids
}

async function addPictures(
  gatewayUrl: string,
  itemId: string,
  { thing, hue, name, pictures = 1 }: DemoItem,
  seller: string,
): Promise<void> {
  for (let index = 0; index < pictures; index += 1) {
    const form = new FormData()
    const bytes = drawThing(thing, hue, index > 0)
    form.append('image', new Blob([new Uint8Array(bytes)], { type: 'image/png' }), 'picture.png')
    const response = await fetchPatiently(new URL(`/api/v1/items/${itemId}/images`, gatewayUrl), {
      method: 'POST',
      headers: { authorization: `Bearer ${seller}` },
      body: form,
    })
    const { id } = (await response.json()) as { id?: string }
    // An item whose time is over takes none; a shop without one picture is still a shop.
    if (!response.ok) return
    await fetchPatiently(new URL(`/api/v1/items/${itemId}/images/${id}`, gatewayUrl), {
      method: 'PATCH',
      headers: { authorization: `Bearer ${seller}`, 'content-type': 'application/json' },
      body: JSON.stringify({ alt_text: index === 0 ? name : `${name}, close up` }),
    })
  }
}

/** Sends until the platform has time. */
async function fetchPatiently(url: URL, init: RequestInit): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, init)
    const isBusy = response.status === 429 || response.status === 503
    if (!isBusy || attempt >= ATTEMPTS_MAX) return response
    await response.body?.cancel()
    await wait(PAUSE_MS)
  }
}

interface CallOptions {
  token?: string
  body?: unknown
  accept?: number[]
}
type Call = (
  method: string,
  path: string,
  options?: CallOptions,
) => Promise<{ statusCode: number; body: Answer }>

const PICTURES_AT_ONCE = 4
const ATTEMPTS_MAX = 40
const PAUSE_MS = 100

function createCaller(gatewayUrl: string): Call {
  return async (method, path, { token, body, accept = [200, 201] } = {}) => {
    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch(new URL(path, gatewayUrl), {
        method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      })
      const text = await response.text()
      const answer = (text === '' ? {} : JSON.parse(text)) as Answer
      if (accept.includes(response.status)) return { statusCode: response.status, body: answer }
      // Busy, or a lot whose terms are still on their way.
      const isEarly = [404, 429, 502, 503].includes(response.status)
      if (!isEarly || attempt >= ATTEMPTS_MAX) {
        throw new Error(`${method} ${path} answered ${response.status} ${JSON.stringify(answer)}`)
      }
      await wait(PAUSE_MS)
    }
  }
}

async function logIn(call: Call, { email, password }: DemoPerson): Promise<string> {
  const { body } = await call('POST', '/identity/login', { body: { email, password } })
  return String(body.token)
}

interface Sale {
  seller: string
  bidders: readonly string[]
  categories: Readonly<Record<string, string>>
}

/** Lists an item with what belongs to it, and answers its id. */
async function list(
  call: Call,
  item: DemoItem,
  { seller, bidders, categories }: Sale,
): Promise<string> {
  const { name, description, startPrice, startsInMinutes = 0, endsInMinutes, terms } = item
  const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()
  const created = await call('POST', '/api/v1/items', {
    token: seller,
    body: {
      name,
      description,
      currencyCode: 'USD',
      startPrice,
      startDate: at(startsInMinutes),
      endDate: at(endsInMinutes),
      ...terms,
    },
  })
  const id = String(created.body.id)
  const category = categories[item.category]
  if (category !== undefined) {
    const body = { categories: [category] }
    await call('PUT', `/api/v1/items/${id}/categories`, { token: seller, body })
  }
  if (item.attributes !== undefined) {
    const attributes = Object.entries(item.attributes).map(([key, value]) => ({ key, value }))
    const path = `/api/v1/items/${id}/attributes`
    await call('POST', path, { token: seller, body: { attributes } })
  }
  if (item.isDraft === true) return id
  await call('POST', `/api/v1/items/${id}/publish`, { token: seller })
  for (const [index, maxAmount] of (item.bids ?? []).entries()) {
    const token = bidders[index % bidders.length] ?? ''
    await call('POST', `/api/v1/lots/${id}/bids`, {
      token,
      body: { maxAmount },
      accept: [201, 409, 422],
    })
  }
  await talk(call, id, item, { seller, bidder: bidders[0] ?? '' })
  return id
}

/** What Bob asked, what was answered, and whether he watches. */
async function talk(
  call: Call,
  id: string,
  { question, isWatched = false }: DemoItem,
  { seller, bidder }: { seller: string; bidder: string },
): Promise<void> {
  if (isWatched) await call('PUT', `/api/v1/items/${id}/watch`, { token: bidder, accept: [204] })
  if (question === undefined) return
  const [asked, answered] = question
  const path = `/api/v1/items/${id}/comments`
  const thread = await call('POST', path, {
    token: bidder,
    body: { content: asked, kind: 'question' },
  })
  if (answered === undefined) return
  const body = { content: answered, kind: 'answer', parent_id: thread.body.id }
  await call('POST', path, { token: seller, body })
}
