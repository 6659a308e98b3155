import { setTimeout as wait } from 'node:timers/promises'
import { type Answer, type ApiClient, createClient } from '#src/api-client.ts'
import { insist, join, logIn, type Person, sell } from '#src/people.ts'
import { percentile } from '#src/percentile.ts'
import type { RecordedAuction } from './ebay-auctions.ts'
import {
  type Answering,
  choosePace,
  createGovernor,
  durationOf,
  type Governor,
  type Pace,
  PLAYED_SHARE,
  slower,
  spacingOf,
} from './pace.ts'
import type { Progress } from './progress.ts'

export interface ReplayOptions {
  gatewayUrl: string
  progress: Progress
  /** No auction is shorter. */
  shortestMs?: number
}

export interface ReplayedAuction {
  id: string
  /** The hammer price; undefined when it has none. */
  actual: string | undefined
  /**
   * `late`: at every pace that was tried, a bid was sent too late to come before the end, so nothing can be
   * said of the price. `broken`: the platform did something else than to sell.
   */
  outcome: 'ended' | 'late' | 'broken'
  problem?: string
}

const CLIENTS = 32
const JOINING_AT_ONCE = 6
const CLOSE_TIMEOUT_MS = 60_000
/** The closer waits two seconds after the end. */
const CLOSING_MS = 2_000
/** Auctions that were late are played again so often, each time so many times slower. */
const REPEATS_MAX = 2
const REPEAT_FACTOR = 3
/** A listing that takes longer leaves too little of its auction. */
const LISTING_SHARE = 0.25
const SHOW_INTERVAL_MS = 200

interface Stage {
  clients: ApiClient[]
  seller: Person
  people: Map<string, Person>
  progress: Progress
}

/**
 * Plays recorded auctions through the public API: every bidder is a real user with a real token, and every
 * auction closes by itself. It bids as fast as the platform answers, and plays again what it was late for.
 */
export async function replay(
  auctions: RecordedAuction[],
  { gatewayUrl, progress, shortestMs }: ReplayOptions,
): Promise<ReplayedAuction[]> {
  // Loopback addresses of its own for every client, since the gateway limits by address.
  const clients = Array.from({ length: CLIENTS }, (_, index) =>
    createClient({ baseUrl: gatewayUrl, localAddress: `127.0.0.${index + 10}` }),
  )
  try {
    const run = Date.now().toString(36)
    const names = [...new Set(auctions.flatMap(({ bids }) => bids.map(({ bidder }) => bidder)))]
    const people = await joinAll(clients, names, run, progress)
    const seller = await join(pick(clients, 0), 'seller', `seller-${run}`)
    const stage = { clients, seller, people, progress }
    const answering = await practise(stage)
    let pace = choosePace(answering, shortestMs)
    progress.line(
      `${answering.perSecond.toFixed(0)} bids a second are answered, 95 of 100 in ${answering.bidMs.toFixed(0)} ms: ${describe(pace, auctions)}`,
    )
    const results = new Map<string, ReplayedAuction>()
    let left = auctions
    for (let repeat = 0; left.length > 0 && repeat <= REPEATS_MAX; repeat += 1) {
      if (repeat > 0) {
        pace = slower(pace, REPEAT_FACTOR)
        progress.line(
          `${left.length} auctions were late and are played again: ${describe(pace, left)}`,
        )
      }
      const governor = createGovernor(pace)
      for (const result of await playAll(stage, left, governor)) results.set(result.id, result)
      pace = governor.pace()
      left = left.filter(({ id }) => results.get(id)?.outcome === 'late')
    }
    return auctions.flatMap(({ id }) => results.get(id) ?? [])
  } finally {
    progress.end()
    for (const client of clients) client.close()
  }
}

function describe(pace: Pace, auctions: RecordedAuction[]): string {
  const seconds = (ms: number) => (ms / 1000).toFixed(ms < 10_000 ? 1 : 0)
  const durations = auctions.map((auction) => durationOf(auction, pace))
  const spacings = auctions.map((auction) => spacingOf(auction, pace))
  const totalMs = spacings.reduce((sum, ms) => sum + ms, 0) + Math.max(...durations)
  return `auctions of ${seconds(Math.min(...durations))} to ${seconds(Math.max(...durations))} s, about ${seconds(totalMs)} s in all`
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
  progress: Progress,
): Promise<Map<string, Person>> {
  const people = new Map<string, Person>()
  const queue = [...names.entries()]
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, name] = next
      people.set(name, await join(pick(clients, index), name, `bidder-${index}-${run}`))
      progress.update(`${people.size} of ${names.length} bidders have joined`)
    }
  }
  await Promise.all(Array.from({ length: JOINING_AT_ONCE }, worker))
  return people
}

const PRACTICE_MS = 2_000
const PRACTICE_LOTS = 4
const PRACTISING_MAX = 16
const TURNED_AWAY_PAUSE_MS = 1_000

/** Bids on lots that are there for it alone, as fast as the answers come, and measures them. */
async function practise({ clients, seller, people, progress }: Stage): Promise<Answering> {
  progress.update('measuring how fast bids are answered')
  const lots = await Promise.all(
    Array.from({ length: PRACTICE_LOTS }, async (_, index) => {
      const client = pick(clients, index)
      const lot = { name: 'practice', startPrice: '1.00', durationMs: 60_000 }
      return { id: (await sell(client, seller, lot)).id, dollars: 1 }
    }),
  )
  const answersMs: number[] = []
  const startedAtMs = performance.now()
  const bidders = [...people.values()].slice(0, PRACTISING_MAX)
  await Promise.all(
    bidders.map(async (bidder, index) => {
      const lot = lots[index % lots.length]
      // At least once, however slow it is.
      while (lot !== undefined) {
        lot.dollars += 1
        const sentAtMs = performance.now()
        const { statusCode } = await pick(clients, index).request(
          'POST',
          `/api/v1/lots/${lot.id}/bids`,
          { token: bidder.token, body: { maxAmount: `${lot.dollars}.00` } },
        )
        const nowMs = performance.now()
        // What was turned away says how many bids are too many, not how long an answer takes.
        if (statusCode === 429 || statusCode === 503) await wait(TURNED_AWAY_PAUSE_MS)
        else answersMs.push(nowMs - sentAtMs)
        if (answersMs.length > 0 && nowMs - startedAtMs > PRACTICE_MS) return
      }
    }),
  )
  const seconds = (performance.now() - startedAtMs) / 1000
  return { perSecond: answersMs.length / seconds, bidMs: percentile(answersMs, 0.95) }
}

/** Begins one auction after the other, as fast as the pace allows by then. */
async function playAll(
  stage: Stage,
  auctions: RecordedAuction[],
  governor: Governor,
): Promise<ReplayedAuction[]> {
  const total = auctions.reduce((sum, { bids }) => sum + bids.length, 0)
  const results: ReplayedAuction[] = []
  const playing = new Set<Promise<void>>()
  let bids = 0
  const show = () =>
    stage.progress.update(
      `${results.length} of ${auctions.length} auctions and ${bids} of ${total} bids; ${playing.size} at once, ${governor.pace().requestsPerSecond.toFixed(0)} requests a second`,
    )
  const timer = setInterval(show, SHOW_INTERVAL_MS)
  try {
    for (const [index, auction] of auctions.entries()) {
      while (!governor.mayBegin()) await wait(50)
      const pace = governor.pace()
      const client = pick(stage.clients, index)
      const one: Promise<void> = play(
        client,
        auction,
        stage,
        durationOf(auction, pace),
        governor,
        () => {
          bids += 1
        },
      )
        .then((result) => {
          results.push(result)
        })
        .finally(() => playing.delete(one))
      playing.add(one)
      if (index < auctions.length - 1) await wait(spacingOf(auction, pace))
    }
    await Promise.all(playing)
    return results
  } finally {
    clearInterval(timer)
  }
}

async function play(
  client: ApiClient,
  auction: RecordedAuction,
  { seller, people }: Stage,
  auctionMs: number,
  governor: Governor,
  onBid: () => void,
): Promise<ReplayedAuction> {
  const result = { id: auction.id, actual: undefined }
  // What fails from then on may have failed because it was asked so late, which is no fault of the
  // platform. Both clocks are this machine's, or its own lateness would look like an early end.
  let lateFromMs = Date.now() + auctionMs * LISTING_SHARE
  let isListed = false
  try {
    const { id, endDate } = await sell(client, seller, {
      name: `Cartier wristwatch ${auction.id}`,
      startPrice: auction.startPrice,
      durationMs: auctionMs,
    })
    const endsAtMs = Date.parse(endDate)
    lateFromMs = endsAtMs
    isListed = true
    const startedAtMs = endsAtMs - auctionMs
    for (const [index, bid] of auction.bids.entries()) {
      const dueAtMs = startedAtMs + bid.at * auctionMs * PLAYED_SHARE
      const untilDueMs = dueAtMs - Date.now()
      if (untilDueMs > 0) await wait(untilDueMs)
      const bidder = people.get(bid.bidder)
      if (bidder === undefined) throw new Error(`${bid.bidder} never joined`)
      const sentAtMs = Date.now()
      governor.sent(sentAtMs - dueAtMs, endsAtMs - sentAtMs)
      const refusal = await place(client, id, bidder, bid.maxAmount, `${id}.${index}`).finally(() =>
        governor.answered(Date.now() - sentAtMs),
      )
      onBid()
      if (refusal === 'bid.ended') throw new LateError('a bid came after the end')
      if (refusal !== undefined && refusal !== 'bid.too_low')
        throw new Error(`a bid of ${bid.maxAmount} was refused: ${refusal}`)
    }
    lateFromMs = Number.POSITIVE_INFINITY
    return { ...result, actual: await hammerPrice(client, id, endsAtMs), outcome: 'ended' }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    // A refusal that lateness explains: of a bid after the end, or of dates that have passed. An answer that
    // blames the platform, or none, is never lateness.
    const isExplained = isListed ? error instanceof LateError : / answered 4\d\d /.test(problem)
    const isLate = isExplained && Date.now() >= lateFromMs
    return { ...result, outcome: isLate ? 'late' : 'broken', problem }
  }
}

/** A refusal that this run's own lateness explains. */
class LateError extends Error {}

/** Bids once, with a confirmation when it is asked for; answers the code of a refusal. */
async function place(
  client: ApiClient,
  itemId: string,
  bidder: Person,
  maxAmount: string,
  key: string,
): Promise<string | undefined> {
  const path = `/api/v1/lots/${itemId}/bids`
  const send = async (confirmation: object, idempotencyKey: string): Promise<Answer> => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await insist(client, 'POST', path, {
        token: bidder.token,
        accept: [201, 401, 409, 422],
        body: { maxAmount, ...confirmation },
        headers: { 'idempotency-key': idempotencyKey },
      })
      if (answer.statusCode !== 401) return answer
      // A long replay outlives its tokens.
      if (attempt > 1) throw new Error(`a fresh token was refused: ${JSON.stringify(answer.body)}`)
      bidder.token = await logIn(client, bidder.email)
    }
  }
  let answer = await send({}, key)
  if (answer.body.code === 'bid.confirmation_required') {
    const { confirmation } = answer.body.details as { confirmation: string }
    answer = await send({ confirmation }, `${key}.confirmed`)
  }
  return answer.statusCode === 201 ? undefined : String(answer.body.code)
}

async function hammerPrice(
  client: ApiClient,
  itemId: string,
  endsAtMs: number,
): Promise<string | undefined> {
  const closesAtMs = endsAtMs + CLOSING_MS
  await wait(Math.max(0, closesAtMs - Date.now()))
  for (;;) {
    const { body } = await insist(client, 'GET', `/api/v1/lots/${itemId}`, { accept: [200] })
    if (body.phase === 'closed')
      return body.finalAmount === undefined ? undefined : String(body.finalAmount)
    if (Date.now() > closesAtMs + CLOSE_TIMEOUT_MS) throw new Error('the lot was never closed')
    await wait(500)
  }
}
