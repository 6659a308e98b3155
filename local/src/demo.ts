import { setTimeout as wait } from 'node:timers/promises'

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

interface DemoItem {
  name: string
  description: string
  startPrice: string
  /** From now; a start in the future makes it scheduled. */
  startsInMinutes?: number
  endsInMinutes: number
  terms?: Record<string, unknown>
  isDraft?: boolean
  /** Maxima of Bob and of a third person, in turn. */
  bids?: string[]
}

const ITEMS: readonly DemoItem[] = [
  {
    name: 'Brass ship’s clock',
    description: 'Runs eight days, strikes the half hours.',
    startPrice: '40.00',
    endsInMinutes: 2,
    bids: ['60.00', '75.00', '90.00'],
  },
  {
    name: 'Field camera, 4×5',
    description: 'Cherry and brass, one holder.',
    startPrice: '120.00',
    endsInMinutes: 3,
    terms: { reservePrice: '400.00' },
    bids: ['180.00', '220.00'],
  },
  {
    name: 'Lot of twelve LPs',
    description: 'Jazz, 1956 to 1964, played.',
    startPrice: '10.00',
    endsInMinutes: 4,
  },
  {
    name: 'Walnut writing desk',
    description: 'Three drawers, one key.',
    startPrice: '150.00',
    endsInMinutes: 60,
    terms: { reservePrice: '200.00' },
    bids: ['180.00', '260.00', '300.00'],
  },
  {
    name: 'Road bicycle, 1987',
    description: 'Steel frame, 56 cm, new tyres.',
    startPrice: '80.00',
    endsInMinutes: 180,
    terms: { buyoutPrice: '240.00' },
  },
  {
    name: 'Set of botanical prints',
    description: 'Twenty-four plates, framed.',
    startPrice: '60.00',
    endsInMinutes: 720,
    terms: { buyoutPrice: '200.00' },
    bids: ['70.00'],
  },
  {
    name: 'Kyoto tea bowl',
    description: 'Raku, with box.',
    startPrice: '12000',
    endsInMinutes: 1_440,
    terms: { currencyCode: 'JPY' },
    bids: ['18000', '15000'],
  },
  {
    name: 'Fountain pen, 14k nib',
    description: 'Serviced last year.',
    startPrice: '35.00',
    endsInMinutes: 2_880,
    terms: { currencyCode: 'EUR' },
    bids: ['55.00', '50.00'],
  },
  {
    name: 'Telescope on a tripod',
    description: 'Refractor, 80 mm.',
    startPrice: '90.00',
    endsInMinutes: 4_320,
    terms: { currencyCode: 'GBP' },
  },
  {
    name: 'Pair of garden chairs',
    description: 'Cast iron, white.',
    startPrice: '45.00',
    startsInMinutes: 60,
    endsInMinutes: 1_500,
  },
  {
    name: 'Model steam engine',
    description: 'Live steam, with spirit burner.',
    startPrice: '70.00',
    startsInMinutes: 1_440,
    endsInMinutes: 4_320,
    terms: { reservePrice: '150.00' },
  },
  {
    name: 'Unfinished listing',
    description: 'A draft: only its seller sees it.',
    startPrice: '5.00',
    endsInMinutes: 1_440,
    isDraft: true,
  },
]

export interface DemoOptions {
  gatewayUrl: string
  log: (line: string) => void
}

type Answer = Record<string, unknown>

/** Fills an empty platform through its public API; answers false when something is there already. */
export async function seedDemo({ gatewayUrl, log }: DemoOptions): Promise<boolean> {
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
  await Promise.all(ITEMS.map((item) => list(call, item, seller, bidders)))
  log(`${ITEMS.length} demo items listed`)
  return true
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

const ATTEMPTS_MAX = 40

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
      const answer = (await response.json()) as Answer
      if (accept.includes(response.status)) return { statusCode: response.status, body: answer }
      // Busy, or a lot whose terms are still on their way.
      const isEarly = [404, 429, 502, 503].includes(response.status)
      if (!isEarly || attempt >= ATTEMPTS_MAX) {
        throw new Error(`${method} ${path} answered ${response.status} ${JSON.stringify(answer)}`)
      }
      await wait(100)
    }
  }
}

async function logIn(call: Call, { email, password }: DemoPerson): Promise<string> {
  const { body } = await call('POST', '/identity/login', { body: { email, password } })
  return String(body.token)
}

async function list(call: Call, item: DemoItem, seller: string, bidders: string[]): Promise<void> {
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
  if (item.isDraft === true) return
  const id = String(created.body.id)
  await call('POST', `/api/v1/items/${id}/publish`, { token: seller })
  for (const [index, maxAmount] of (item.bids ?? []).entries()) {
    const token = bidders[index % bidders.length] ?? ''
    await call('POST', `/api/v1/lots/${id}/bids`, {
      token,
      body: { maxAmount },
      accept: [201, 422],
    })
  }
}
