import { setTimeout as wait } from 'node:timers/promises'
import type { ApiClient } from '#src/api-client.ts'
import { logIn, type Person, sell } from '#src/people.ts'
import type { Chance, SentBid } from './history.ts'

export interface LoadOptions {
  clients: ApiClient[]
  /** The seller's own: behind the bids of a crowd no lot would be listed in time. */
  sellerClient: ApiClient
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

export interface OpenLot {
  id: string
  endsAtMs: number
  /** The price as the clients saw it last, in cents. */
  priceCents: number
}

export interface Load {
  /** No new bids and lots; resolves when every bid under way has ended one way or the other. */
  stop(): Promise<void>
  acceptedCount(): number
  /** Lots that take bids, as the seller knows it. */
  openLots(): readonly OpenLot[]
  /** One bid of a person beside the bidders; resolves when it is known what became of it. */
  bidOnce(person: Person): Promise<void>
  /** Bids that were due while so many were under way that no further bidder was free. */
  unsentCount(): number
}

const TICK_MS = 10
const ANSWER_TIMEOUT_MS = 3_000
// Bidders who wait for an answer do not bid again: so many seconds' bids are under way at most. Without
// a limit, bids are sent again for 25 seconds each after an outage, at a machine that was busy before.
// Then answers come when their bidders have given up, to lots that have ended, and that never ends.
const UNDER_WAY_SECONDS = 2
const LISTING_TIMEOUT_MS = 10_000
const GIVE_UP_MS = 25_000
const PAUSE_MS = 300
const PAUSE_MAX_MS = 3_000
const TOKEN_REFRESH_MS = 240_000

/** Bids at a steady rate over lots that open and close all the while, whatever is being killed. */
export function startLoad(options: LoadOptions): Load {
  const { chance, clients, bidders, history } = options
  const lots: OpenLot[] = []
  const underway = new Set<Promise<void>>()
  let isStopping = false
  let accepted = 0
  let bidding = 0
  let unsent = 0
  const biddingMax = Math.ceil(options.bidsPerSecond * UNDER_WAY_SECONDS)

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
        const lot = await list(options).catch(() => undefined)
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
  const bid = () => {
    if (lots.length === 0) return
    if (bidding >= biddingMax) {
      unsent += 1
      return
    }
    bidding += 1
    track(
      bidOnce(chance.pick(bidders)).then(() => {
        bidding -= 1
      }),
    )
  }
  const bidOnce = async (bidder: Person) => {
    if (lots.length === 0) return
    const lot = chance.pick(lots)
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
    await place(client(), bidder, sent, (priceCents) => {
      lot.priceCents = Math.max(lot.priceCents, priceCents)
    })
    if (sent.status === 'accepted') accepted += 1
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
    openLots: () => lots.filter(({ endsAtMs }) => endsAtMs > Date.now()),
    bidOnce,
    unsentCount: () => unsent,
    async stop() {
      isStopping = true
      clearInterval(ticker)
      while (underway.size > 0) await Promise.all(underway)
    },
  }
}

async function list(options: LoadOptions): Promise<OpenLot> {
  const { from, to } = options.lotSeconds
  const seconds = from + options.chance.below(to - from + 1)
  const { id, endDate } = await sell(options.sellerClient, options.seller, {
    name: `crash lot ${options.sold.length}`,
    startPrice: '1.00',
    durationMs: seconds * 1000,
    timeoutMs: LISTING_TIMEOUT_MS,
    terms: options.chance.below(4) === 0 ? { reservePrice: '30.00' } : {},
  })
  options.sold.push(id)
  return { id, endsAtMs: Date.parse(endDate), priceCents: 100 }
}

/** Sends until a definite answer comes: the same key makes a retry safe whatever happened before. */
export async function place(
  client: ApiClient,
  bidder: Person,
  sent: SentBid,
  seePrice: (cents: number) => void,
): Promise<void> {
  const deadlineMs = performance.now() + GIVE_UP_MS
  while (performance.now() < deadlineMs) {
    sent.attempts += 1
    let retryAfter: unknown
    try {
      const { statusCode, body, headers } = await client.request(
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
      retryAfter = headers['retry-after']
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
    await wait(pauseMs(sent.attempts, retryAfter))
  }
}

/** As long as the answer asks for; otherwise longer with each attempt, and not all at once. */
function pauseMs(attempts: number, retryAfter: unknown): number {
  const askedMs = Number(retryAfter) * 1_000
  if (askedMs > 0) return Math.min(askedMs, PAUSE_MAX_MS) * (1 + Math.random() / 4)
  return Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** (attempts - 1)) * (0.5 + Math.random() / 2)
}
