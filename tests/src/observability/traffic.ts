import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { openLiveClient } from '@auction/common/testing/live-client.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Platform } from '@auction/local/platform.ts'
import type { ApiClient } from '#src/api-client.ts'
import { inTime, sellInTime } from '#src/in-time.ts'
import { insist, join, PASSWORD } from '#src/people.ts'
import { callGrpc } from './grpc-call.ts'
import { causeSeldomThings } from './seldom.ts'

/** Between two rounds: enough to be seen, and no load test. */
const PAUSE_MS = 100
const WATCHING_MS = 5_000

export interface Traffic {
  /** Ends with the round under way. */
  stop(): Promise<void>
}

/**
 * A little of everything until it is stopped: logins right and wrong, renewed sessions, items that
 * end in seconds, bids taken and refused, a watcher of them, reads, and calls of gRPC without a token; once what happens
 * seldom.
 */
export async function startTraffic(
  client: ApiClient,
  { grpcUrl, gatewayUrl }: Pick<Platform, 'grpcUrl' | 'gatewayUrl'>,
): Promise<Traffic> {
  const unique = () => randomUUID().slice(0, 8)
  const seller = await join(client, 'Sam', `sam-${unique()}`)
  const bidders = await Promise.all(
    ['Ann', 'Ben'].map((name) => join(client, name, `${name.toLowerCase()}-${unique()}`)),
  )
  const login = await insist(client, 'POST', '/identity/login', {
    body: { email: seller.email, password: PASSWORD },
    accept: [200],
  })
  let refreshToken = String(login.body.refreshToken)
  let isStopping = false
  const round = async (index: number) => {
    const { id } = await inTime(4_000, (durationMs) =>
      sellInTime(client, seller, { name: `Lot ${index}`, startPrice: '1.00', durationMs }),
    )
    const watcher = openLiveClient({ urls: [gatewayUrl], lots: [id] })
    await waitFor('a stream', () => watcher.isOpen(), WATCHING_MS).catch(() => undefined)
    for (const [turn, bidder] of [...bidders, ...bidders].entries()) {
      await client.request('POST', `/api/v1/lots/${id}/bids`, {
        token: bidder.token,
        body: { maxAmount: `${(turn % 2) * 3 + 1}.00` },
        headers: { 'idempotency-key': randomUUID() },
      })
    }
    await client.request('GET', `/api/v1/items/${id}`)
    await client.request('GET', '/identity/me', { token: seller.token })
    await callGrpc(grpcUrl, 'auction.item.v1.ItemService/GetItemForBid')
    const wrong = { email: `unknown-${index}@example.test`, password: PASSWORD }
    await client.request('POST', '/identity/login', { body: wrong })
    const { body } = await insist(client, 'POST', '/identity/token/refresh', {
      body: { refreshToken },
      accept: [200],
    })
    refreshToken = String(body.refreshToken)
    // A lot that was over before the stream was open has no price to wait for.
    await waitFor('a price', () => watcher.lots.has(id), WATCHING_MS).catch(() => undefined)
    watcher.close()
  }
  const goOn = async () => {
    for (let index = 0; !isStopping; index += 1) {
      await round(index)
      await wait(PAUSE_MS)
    }
  }
  const running = Promise.all([goOn(), causeSeldomThings(client)])
  // `stop` rejects with a failure of the traffic. Until then the rejection must count as handled.
  running.catch(() => undefined)
  return {
    async stop() {
      isStopping = true
      await running
    },
  }
}
