import { setTimeout as wait } from 'node:timers/promises'
import type { ApiClient } from '#src/api-client.ts'
import { logIn, type Person, sell } from '#src/people.ts'
import type { Chance, SentBid } from './history.ts'

export interface LoadOptions {
  clients: ApiClient[]
  seller: Person
  bidders: Person[]
  chance: Chance
  bidsPerSecond: number
  openLots: number
  lotSeconds: { from: number; to: number }
  history: SentBid[]
  sold: string[]
  /** Where other runs have bid before: keys must be this run's own. */
  keyPrefix?: string
}

interface OpenLot {
  id: string
  endsAtMs: number
  /** The price as the clients saw it last, in cents. */
  priceCents: number
}

export interface Load {
  /** No new bids and lots; resolves when every bid under way has ended one way or the other. */
  stop(): Promise<void>
  acceptedCount(): number
}

const TICK_MS = 10
const ANSWER_TIMEOUT_MS = 3_000
const GIVE_UP_MS = 25_000
// People wait for an answer before they bid on, and wait longer each time it does not come. Without
// both, the bids of an outage are sent again faster than a busy machine answers, and never end.
const UNDERWAY_SECONDS = 2
const RETRY_MS = { from: 200, to: 3_200 }
const TOKEN_REFRESH_MS = 240_000

/** Bids at a steady rate over lots that open and close all the while, whatever is being killed. */
export function startLoad(options: LoadOptions): Load {
  const { chance, clients, bidders, history } = options
  const lots: OpenLot[] = []
  const underway = new Set<Promise<void>>()
  let isStopping = false
  let accepted = 0

  const track = (work: Promise<void>) => {
    const tracked = work.finally(() => underway.delete(tracked))
    underway.add(tracked)
  }
  const client = () => chance.pick(clients)

  const keepLotsOpen = async () => {
    while (!isStopping) {
      const now = Date.now()
      for (let index = lots.length - 1; index >= 0; index -= 1) {
        if ((lots[index]?.endsAtMs ?? 0) < now) lots.splice(index, 1)
      }
      while (lots.length < options.openLots && !isStopping) {
        const lot = await list(options, client()).catch(() => undefined)
        if (lot === undefined) await wait(250)
        else lots.push(lot)
      }
      await wait(100)
    }
  }
  const keepTokensFresh = async () => {
    let dueMs = Date.now() + TOKEN_REFRESH_MS
    while (!isStopping) {
      await wait(500)
      if (Date.now() < dueMs) continue
      dueMs = Date.now() + TOKEN_REFRESH_MS
      for (const person of [options.seller, ...bidders]) {
        person.token = await logIn(client(), person.email).catch(() => person.token)
      }
    }
  }
  const underwayMax = options.bidsPerSecond * UNDERWAY_SECONDS
  const bid = () => {
    if (lots.length === 0 || underway.size >= underwayMax) return
    const lot = chance.pick(lots)
    const bidder = chance.pick(bidders)
    // About half are above the price and some far above; the others show that losing is safe too.
    const cents = Math.max(
      100,
      lot.priceCents - 300 + chance.below(chance.below(10) === 0 ? 4_000 : 900),
    )
    const sent: SentBid = {
      key: `${options.keyPrefix ?? 'crash'}-${history.length}`,
      itemId: lot.id,
      bidderId: bidder.id,
      maxAmount: (cents / 100).toFixed(2),
      status: 'unknown',
      attempts: 0,
    }
    history.push(sent)
    track(
      place(client(), bidder, sent, (priceCents) => {
        lot.priceCents = Math.max(lot.priceCents, priceCents)
      }).then(() => {
        if (sent.status === 'accepted') accepted += 1
      }),
    )
  }

  let owed = 0
  let lastMs = performance.now()
  const ticker = setInterval(() => {
    const nowMs = performance.now()
    owed = Math.min(owed + ((nowMs - lastMs) * options.bidsPerSecond) / 1000, options.bidsPerSecond)
    lastMs = nowMs
    for (; owed >= 1; owed -= 1) bid()
  }, TICK_MS)
  track(keepLotsOpen())
  track(keepTokensFresh())

  return {
    acceptedCount: () => accepted,
    async stop() {
      isStopping = true
      clearInterval(ticker)
      while (underway.size > 0) await Promise.all(underway)
    },
  }
}

async function list(options: LoadOptions, client: ApiClient): Promise<OpenLot> {
  const { from, to } = options.lotSeconds
  const seconds = from + options.chance.below(to - from + 1)
  const { id, endDate } = await sell(client, options.seller, {
    name: `crash lot ${options.sold.length}`,
    startPrice: '1.00',
    durationMs: seconds * 1000,
    terms: options.chance.below(4) === 0 ? { reservePrice: '30.00' } : {},
  })
  options.sold.push(id)
  return { id, endsAtMs: Date.parse(endDate), priceCents: 100 }
}

/** Sends until a definite answer comes: the same key makes a retry safe whatever happened before. */
async function place(
  client: ApiClient,
  bidder: Person,
  sent: SentBid,
  seePrice: (cents: number) => void,
): Promise<void> {
  const deadlineMs = performance.now() + GIVE_UP_MS
  let retryMs = RETRY_MS.from
  while (performance.now() < deadlineMs) {
    sent.attempts += 1
    try {
      const { statusCode, body } = await client.request(
        'POST',
        `/api/v1/lots/${sent.itemId}/bids`,
        {
          token: bidder.token,
          body: { maxAmount: sent.maxAmount },
          headers: { 'idempotency-key': sent.key },
          timeoutMs: ANSWER_TIMEOUT_MS,
        },
      )
      if (statusCode === 201) {
        sent.status = 'accepted'
        sent.bidId = String(body.bidId)
        seePrice(Math.round(Number(body.currentPrice) * 100))
        return
      }
      // 404: published, but the terms have not reached the bid service; 401, 429 and 5xx: try again.
      if (statusCode === 403 || statusCode === 409 || statusCode === 422) {
        sent.status = 'refused'
        sent.code = String(body.code)
        const minimum = (body.details as { minNextBid?: string } | undefined)?.minNextBid
        if (minimum !== undefined) seePrice(Math.round(Number(minimum) * 100))
        return
      }
    } catch {
      // No answer: what became of the bid is unknown, so the same key is sent again.
    }
    await wait(retryMs * (0.5 + Math.random()))
    retryMs = Math.min(retryMs * 2, RETRY_MS.to)
  }
}
