import { setTimeout as wait } from 'node:timers/promises'
import { type ApiClient, type ClientOptions, createClient } from '#src/api-client.ts'
import { createChance, type SentBid } from '#src/crash/history.ts'
import { type Load, startLoad } from '#src/crash/load.ts'
import { join } from '#src/people.ts'

export interface Trouble {
  atMs: number
  what: string
}

/** What clients saw: every answer that a healthy platform does not give, and every one missing. */
export interface Watch {
  requests: number
  troubles: Trouble[]
}

const CLIENTS = 8
const BIDDERS = 20
const READS = ['/', '/api/v1/items', '/identity/.well-known/jwks.json']

export interface Traffic {
  watch: Watch
  acceptedCount(): number
  stop(): Promise<void>
}

/** Everything that was bid in this run, and what became of it as the clients know it. */
export interface BidRecord {
  history: SentBid[]
  sold: string[]
}

let people = 0

/**
 * Bids and page views at a steady rate until it is stopped: two of three requests bid (which asks
 * identity too), one reads. Bids that got no answer are sent again with their key; `watch` has
 * counted the failure all the same.
 */
export async function startTraffic(
  gateway: ClientOptions,
  requestsPerSecond: number,
  { history, sold }: BidRecord,
): Promise<Traffic> {
  const watch: Watch = { requests: 0, troubles: [] }
  const chance = createChance(Date.now())
  const clients = Array.from({ length: CLIENTS }, () => watched(createClient(gateway), watch))
  const sellerClient = watched(createClient(gateway), watch)
  const unique = () => `cluster-${Date.now()}-${people++}`
  const seller = await join(chance.pick(clients), 'seller', unique())
  const bidders = []
  for (let index = 0; index < BIDDERS; index += 1)
    bidders.push(await join(chance.pick(clients), `bidder ${index}`, unique()))
  const load: Load = startLoad({
    keyPrefix: unique(),
    clients,
    sellerClient,
    seller,
    bidders,
    chance,
    history,
    sold,
    bidsPerSecond: (requestsPerSecond * 2) / 3,
    openLots: 20,
    lotSeconds: { from: 20, to: 40 },
  })
  let isStopping = false
  const read = async () => {
    while (!isStopping) {
      const path = chance.pick([...READS, `/api/v1/lots/${sold.at(-1) ?? ''}`])
      if (!path.endsWith('/lots/'))
        await chance
          .pick(clients)
          .request('GET', path)
          .catch(() => undefined)
      await wait(3_000 / requestsPerSecond)
    }
  }
  const reading = read()
  return {
    watch,
    acceptedCount: load.acceptedCount,
    async stop() {
      isStopping = true
      await Promise.all([load.stop(), reading])
      for (const client of [...clients, sellerClient]) client.close()
    },
  }
}

const EXPECTED = new Set([200, 201, 403, 409, 422])

function isExpected(path: string, statusCode: number, body: unknown): boolean {
  if (statusCode !== 404) return EXPECTED.has(statusCode)
  // The terms of a lot that was just published are on their way. The gateway's own 404, of a route
  // that it has lost, has no code.
  return path.includes('/lots/') && typeof (body as { code?: unknown } | null)?.code === 'string'
}

/** Notes in `watch` what a healthy platform does not answer. */
export function watched(client: ApiClient, watch: Watch): ApiClient {
  return {
    close: client.close,
    async request(method, path, options) {
      watch.requests += 1
      const note = (what: string) =>
        watch.troubles.push({ atMs: performance.now(), what: `${method} ${path}: ${what}` })
      try {
        const answer = await client.request(method, path, options)
        if (!isExpected(path, answer.statusCode, answer.body))
          note(`${answer.statusCode} ${JSON.stringify(answer.body).slice(0, 120)}`)
        return answer as never
      } catch (error) {
        note(error instanceof Error ? error.message : String(error))
        throw error
      }
    },
  }
}
