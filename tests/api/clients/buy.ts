import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import createClient from 'openapi-fetch'
import type { paths as AuctionPaths } from './auction.ts'
import type { paths as BidPaths } from './bid.ts'
import type { paths as IdentityPaths } from './identity.ts'

// Copied beside what is generated from the documents, where it is checked and run: clients.test.ts.
const [baseUrl = '', run = ''] = process.argv.slice(2)
const PASSWORD = 'correct horse battery staple 7'
// The second and third only count on a machine that is too slow for the one before.
const DURATIONS_SECONDS = [8, 40, 200]

const ATTEMPTS_MAX = 60

/** Sends again what a busy machine answers with 503. */
async function patient(request: Request): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(request.clone())
    if (response.status !== 503 || attempt >= ATTEMPTS_MAX) return response
    await response.body?.cancel()
    await wait(1_000)
  }
}

const open = (token?: string) => {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const options = { baseUrl, headers, fetch: patient }
  return {
    identity: createClient<IdentityPaths>(options),
    auction: createClient<AuctionPaths>(options),
    bid: createClient<BidPaths>(options),
  }
}

interface Answered<T> {
  data?: T | undefined
  error?: unknown
  response: Response
}

async function must<T>(asked: Promise<Answered<T>>): Promise<T> {
  const { data, error, response } = await asked
  if (data !== undefined) return data
  throw new Error(`${response.url} answered ${response.status} ${JSON.stringify(error)}`)
}

async function join(name: string) {
  const { identity } = open()
  const email = `${name}-${run}@example.test`
  const user = await must(
    identity.POST('/identity/register', { body: { name, email, password: PASSWORD } }),
  )
  const login = await must(
    identity.POST('/identity/login', { body: { email, password: PASSWORD } }),
  )
  if (!('token' in login)) throw new Error(`a second factor is asked for: ${login.code}`)
  return { id: user.id, ...open(login.token) }
}

const seller = await join('sue')
const buyer = await join('bob')

/** Lists an item and bids on it; undefined when the auction was over before that. */
async function sell(seconds: number) {
  const now = Date.now()
  const item = await must(
    seller.auction.POST('/api/v1/items', {
      body: {
        name: `A lamp of ${run}`,
        description: 'Brass.',
        currencyCode: 'EUR',
        startPrice: '10.00',
        startDate: new Date(now).toISOString(),
        endDate: new Date(now + seconds * 1_000).toISOString(),
        extensionThresholdMinutes: 0,
      },
    }),
  )
  const path = { itemId: item.id }
  const { data: published, error: refusal } = await seller.auction.POST(
    '/api/v1/items/{id}/publish',
    { params: { path: { id: item.id } } },
  )
  if (refusal?.details?.reason === 'in_the_past') return undefined
  if (published === undefined) throw new Error(JSON.stringify(refusal))
  const { data, error } = await buyer.bid.POST('/api/v1/lots/{itemId}/bids', {
    params: { path, header: { 'idempotency-key': randomUUID() } },
    body: { maxAmount: '25.00' },
  })
  if (error?.code === 'bid.ended') return undefined
  if (data === undefined) throw new Error(JSON.stringify(error))
  return { path, bid: data }
}

let sold: Awaited<ReturnType<typeof sell>>
for (const seconds of DURATIONS_SECONDS) {
  sold = await sell(seconds)
  if (sold !== undefined) break
}
if (sold === undefined) throw new Error('no bid came in time')
const { path, bid } = sold
const lotOf = () => must(buyer.bid.GET('/api/v1/lots/{itemId}', { params: { path } }))
const itemOf = () =>
  must(buyer.auction.GET('/api/v1/items/{id}', { params: { path: { id: path.itemId } } }))

let lot = await lotOf()
const leads = lot.leaderAlias === 'bidder 1'
while (lot.phase !== 'closed') {
  await wait(250)
  lot = await lotOf()
}
let item = await itemOf()
while (item.status !== 'sold') {
  await wait(250)
  item = await itemOf()
}
const { bids, counts } = await must(buyer.bid.GET('/api/v1/bids'))

// What the types refuse, the compiler must refuse: if they were loose, this would not be an error.
// @ts-expect-error A draft needs a currency.
void (() => seller.auction.POST('/api/v1/items', { body: { name: 'A lamp', startPrice: '1.00' } }))
// @ts-expect-error There is no such operation.
void (() => seller.auction.GET('/api/v1/nothing'))

console.log(
  JSON.stringify({
    bid: bid.outcome,
    leads,
    price: lot.finalAmount,
    isBuyer: item.buyerID === buyer.id,
    won: counts.won,
    status: bids[0]?.status,
  }),
)
