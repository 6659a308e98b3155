import { setTimeout as wait } from 'node:timers/promises'
import { type ApiClient, createClient } from './api-client.ts'
import type { RecordedAuction } from './ebay-auctions.ts'
import { insist, join, type Person, sell } from './people.ts'

export interface ReplayOptions {
  gatewayUrl: string
  /** Real seconds that an auction of any number of days takes. */
  auctionSeconds: number
  progress: (line: string) => void
}

export interface ReplayedAuction {
  id: string
  expected: string
  actual: string | undefined
  /** `late`: a bid was sent too late to come before the end, so nothing can be said of the price. */
  outcome: 'at the price' | 'below' | 'above' | 'broken' | 'late'
  problem?: string
}

/** Share of the real duration in which the recorded time is played; the rest is for the last bids. */
const PLAYED_SHARE = 0.75
const CLIENTS = 32
const JOINING_AT_ONCE = 6
const CLOSE_TIMEOUT_MS = 30_000

/**
 * Plays recorded auctions through the public API: every bidder is a real user with a real token,
 * every auction closes by itself, and the hammer price is compared with the recorded one.
 */
export async function replay(
  auctions: RecordedAuction[],
  options: ReplayOptions,
): Promise<ReplayedAuction[]> {
  // Loopback addresses of its own for every client, since the gateway limits by address.
  const clients = Array.from({ length: CLIENTS }, (_, index) =>
    createClient({ baseUrl: options.gatewayUrl, localAddress: `127.0.0.${index + 10}` }),
  )
  try {
    const run = Date.now().toString(36)
    const names = [...new Set(auctions.flatMap(({ bids }) => bids.map(({ bidder }) => bidder)))]
    options.progress(`${names.length} bidders and a seller join`)
    const people = await joinAll(clients, names, run)
    const seller = await join(pick(clients, 0), 'seller', `seller-${run}`)
    options.progress(`${auctions.length} auctions of ${options.auctionSeconds} s begin`)
    return await Promise.all(
      auctions.map((auction, index) =>
        play(pick(clients, index), auction, seller, people, options.auctionSeconds),
      ),
    )
  } finally {
    for (const client of clients) client.close()
  }
}

function pick(clients: ApiClient[], index: number): ApiClient {
  const client = clients[index % clients.length]
  if (client === undefined) throw new Error('there is no client')
  return client
}

async function joinAll(
  clients: ApiClient[],
  names: string[],
  run: string,
): Promise<Map<string, Person>> {
  const people = new Map<string, Person>()
  const queue = [...names.entries()]
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, name] = next
      people.set(name, await join(pick(clients, index), name, `${name}-${run}`))
    }
  }
  await Promise.all(Array.from({ length: JOINING_AT_ONCE }, worker))
  return people
}

async function play(
  client: ApiClient,
  auction: RecordedAuction,
  seller: Person,
  people: Map<string, Person>,
  seconds: number,
): Promise<ReplayedAuction> {
  const result = { id: auction.id, expected: auction.price }
  try {
    const durationMs = seconds * 1000
    const { id, endDate } = await sell(client, seller, {
      name: `Cartier wristwatch ${auction.id}`,
      startPrice: auction.startPrice,
      durationMs,
    })
    const startedAtMs = Date.parse(endDate) - durationMs
    for (const [index, bid] of auction.bids.entries()) {
      const dueMs = startedAtMs + bid.at * durationMs * PLAYED_SHARE - Date.now()
      if (dueMs > 0) await wait(dueMs)
      const bidder = people.get(bid.bidder)
      if (bidder === undefined) throw new Error(`${bid.bidder} never joined`)
      const refusal = await place(client, id, bidder, bid.maxAmount, `${auction.id}.${index}`)
      // Both clocks are this machine's, or this machine would see its own lateness as an early end.
      if (refusal === 'bid.ended' && Date.now() >= Date.parse(endDate))
        return { ...result, actual: undefined, outcome: 'late' }
      if (refusal !== undefined && refusal !== 'bid.too_low')
        throw new Error(`a bid of ${bid.maxAmount} was refused: ${refusal}`)
    }
    const actual = await hammerPrice(client, id)
    return { ...result, actual, outcome: compare(actual, auction.price) }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return { ...result, actual: undefined, outcome: 'broken', problem }
  }
}

/** Bids once, with a confirmation when it is asked for; answers the code of a refusal. */
async function place(
  client: ApiClient,
  itemId: string,
  { token }: Person,
  maxAmount: string,
  key: string,
): Promise<string | undefined> {
  const path = `/api/v1/lots/${itemId}/bids`
  const send = (confirmation: object, idempotencyKey: string) =>
    insist(client, 'POST', path, {
      token,
      accept: [201, 409, 422],
      body: { maxAmount, ...confirmation },
      headers: { 'idempotency-key': idempotencyKey },
    })
  let answer = await send({}, key)
  if (answer.body.code === 'bid.confirmation_required') {
    const { confirmation } = answer.body.details as { confirmation: string }
    answer = await send({ confirmation }, `${key}.confirmed`)
  }
  return answer.statusCode === 201 ? undefined : String(answer.body.code)
}

async function hammerPrice(client: ApiClient, itemId: string): Promise<string | undefined> {
  const first = await insist(client, 'GET', `/api/v1/lots/${itemId}`, { accept: [200] })
  const deadlineMs = Date.parse(String(first.body.endDate)) + CLOSE_TIMEOUT_MS
  for (let lot = first; ; ) {
    if (lot.body.phase === 'closed') {
      return lot.body.finalAmount === undefined ? undefined : String(lot.body.finalAmount)
    }
    if (Date.now() > deadlineMs) throw new Error('the lot was never closed')
    await wait(Math.max(250, Date.parse(String(lot.body.endDate)) - Date.now()))
    lot = await insist(client, 'GET', `/api/v1/lots/${itemId}`, { accept: [200] })
  }
}

function compare(actual: string | undefined, expected: string): ReplayedAuction['outcome'] {
  if (actual === undefined) return 'broken'
  if (actual === expected) return 'at the price'
  return Number(actual) < Number(expected) ? 'below' : 'above'
}
