import { setTimeout as wait } from 'node:timers/promises'
import { type ApiClient, type ClientOptions, createClient } from '#src/api-client.ts'
import type { SentBid } from '#src/crash/history.ts'
import { insist, join, type Person, sell } from '#src/people.ts'
import type { Cluster } from './commands.ts'
import { installPlatform, type Ways } from './installation.ts'
import type { Ground } from './replacing.ts'
import type { BidRecord } from './traffic.ts'

export interface Sample {
  atSeconds: number
  replicas: number
  backlog: number
}

export interface Scaling {
  samples: Sample[]
  bids: number
  bidSeconds: number
}

const WORKER = 'auction-auction-worker'
const BIDDERS = 32
const LANES = 32
const LOTS = 400
const LOT_SECONDS = 240
const START_PRICE = 10
// Above every increment of the prices that are reached, and never a multiple of five of the price.
const STEP = 5
const PATIENCE_MS = 8 * 60_000
// So little that one worker is not through before the test has looked.
const SLOW_WORKERS = [
  '--set=auction.workloads.worker.resources.limits.cpu=120m',
  '--set=auction.workloads.worker.resources.requests.cpu=20m',
  '--set=auction.workloads.worker.autoscaling.maxReplicas=4',
  '--set=auction.workloads.worker.autoscaling.scaleDownStabilizationSeconds=20',
]

const PAUSED = 'autoscaling.keda.sh/paused-replicas'

/**
 * Holds the workers back until so many events are in their queue, lets KEDA do its work, and
 * watches workers come and go. Ends when there is one again and the queue is empty.
 */
export async function scale(ground: Ground, { events, ways }: ScaleOptions): Promise<Scaling> {
  const { cluster, gateway, record } = ground
  await installPlatform(ground, SLOW_WORKERS)
  const startedAtMs = performance.now()
  const samples: Sample[] = []
  let isHeldBack = true
  const watching = (async () => {
    for (;;) {
      const atSeconds = (performance.now() - startedAtMs) / 1000
      const sample = { atSeconds, ...(await look(cluster, ways)) }
      samples.push(sample)
      const isOver = !isHeldBack && sample.replicas === 1 && sample.backlog === 0
      if (isOver || performance.now() - startedAtMs > PATIENCE_MS) return
      await wait(1_000)
    }
  })()
  await cluster.kubectl('annotate', 'scaledobject', WORKER, `${PAUSED}=0`)
  await cluster.kubectl('wait', `deployment/${WORKER}`, '--for=jsonpath={.spec.replicas}=0')
  await bidMany(gateway, events, record)
  const bidSeconds = (performance.now() - startedAtMs) / 1000
  await cluster.kubectl('annotate', 'scaledobject', WORKER, `${PAUSED}-`)
  isHeldBack = false
  await watching
  return { samples, bids: events, bidSeconds }
}

export interface ScaleOptions {
  events: number
  ways: Ways
}

async function look({ get }: Cluster, { managementUrl }: Ways) {
  const { status } = await get<{ status: { readyReplicas?: number } }>('deployment', WORKER)
  const address = new URL(managementUrl)
  const answer = await fetch(`${address.origin}/api/queues/auction/auction.bid.placed.v1`, {
    headers: { authorization: `Basic ${btoa(`${address.username}:${address.password}`)}` },
  })
  const { messages = 0 } = (await answer.json()) as { messages?: number }
  return { replicas: status.readyReplicas ?? 0, backlog: messages }
}

/** Bids that raise their lots by more than any increment, so that nearly all are accepted. */
async function bidMany(gateway: ClientOptions, count: number, record: BidRecord): Promise<void> {
  const client = createClient(gateway)
  const unique = `scale-${Date.now()}`
  try {
    const lots = await listLots(client, unique, record.sold)
    const bidders = await inParallel(BIDDERS, (index) =>
      join(client, `bidder ${index}`, `${unique}-${index}`),
    )
    let turn = 0
    let accepted = 0
    await inParallel(BIDDERS, async (lane) => {
      const bidder = bidders[lane]
      while (accepted < count && bidder !== undefined && turn < count * 2) {
        const at = turn++
        const itemId = lots[at % LOTS] ?? ''
        const maxAmount = (START_PRICE + Math.floor(at / LOTS) * STEP).toFixed(2)
        const sent: SentBid = {
          key: `${unique}-${at}`,
          itemId,
          bidderId: bidder.id,
          maxAmount,
          status: 'unknown',
          attempts: 1,
        }
        record.history.push(sent)
        await place(client, bidder, sent)
        if (sent.status === 'accepted') accepted += 1
      }
    })
  } finally {
    client.close()
  }
}

async function listLots(client: ApiClient, unique: string, sold: string[]): Promise<string[]> {
  const seller = await join(client, 'seller', `${unique}-seller`)
  const lots = await inParallel(LOTS, (index) =>
    sell(client, seller, {
      name: `lot ${index}`,
      startPrice: START_PRICE.toFixed(2),
      durationMs: LOT_SECONDS * 1_000,
    }),
  )
  sold.push(...lots.map(({ id }) => id))
  return lots.map(({ id }) => id)
}

async function place(client: ApiClient, bidder: Person, sent: SentBid): Promise<void> {
  const { statusCode, body } = await insist(client, 'POST', `/api/v1/lots/${sent.itemId}/bids`, {
    token: bidder.token,
    body: { maxAmount: sent.maxAmount },
    accept: [201, 404, 409, 422],
    headers: { 'idempotency-key': sent.key },
  })
  sent.status = statusCode === 201 ? 'accepted' : 'refused'
  if (statusCode === 201) sent.bidId = String(body.bidId)
}

/** Runs `work` for 0 … count - 1, at most as many at a time as there are lanes. */
async function inParallel<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const lanes = Math.min(count, LANES)
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (next < count) {
        const index = next++
        results[index] = await work(index)
      }
    }),
  )
  return results
}
