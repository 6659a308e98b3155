import { setTimeout as wait } from 'node:timers/promises'
import type { ApiClient } from '#src/api-client.ts'
import type { Person } from '#src/people.ts'
import { percentile } from '#src/percentile.ts'

export interface CrowdOptions {
  /** Each to another process of the bid service. */
  clients: readonly ApiClient[]
  bidders: readonly Person[]
  lots: readonly string[]
  bidsPerSecond: number
}

/** What a part of a day was like for those who bid. */
export interface Seen {
  bids: number
  accepted: number
  /** By a rule of bidding: that is an answer as good as any. */
  refused: number
  /** 429, 5xx and no answer at all, by code: these bids were not decided. */
  turnedAway: Map<string, number>
  /** Of all bids, decided or not. */
  answersMs: number[]
  /** Of the bids that were accepted. */
  ids: string[]
}

export interface Crowd {
  /** What is seen from now on. Bids that are under way count where they were sent. */
  look(): Seen
  /** Ends what is seen, and resolves when every bid of it has its answer. */
  settled(): Promise<void>
  /** Ids of all accepted bids. */
  accepted: string[]
  /** No new bids; resolves when every bid has its answer. */
  stop(): Promise<void>
}

const TICK_MS = 10
const ANSWER_TIMEOUT_MS = 10_000

export const nothingSeen = (): Seen => ({
  bids: 0,
  accepted: 0,
  refused: 0,
  turnedAway: new Map(),
  answersMs: [],
  ids: [],
})

/** People who bid at a steady rate, each one dollar above the bid before on the same lot. */
export function startCrowd({ clients, bidders, lots, bidsPerSecond }: CrowdOptions): Crowd {
  const amounts = new Map<string, number>()
  const accepted: string[] = []
  const underWay = new Set<Promise<void>>()
  let seen = nothingSeen()
  let count = 0
  const bid = () => {
    const [client, bidder, itemId] = [clients, bidders, lots].map(
      (all) => all[count % all.length],
    ) as [ApiClient, Person, string]
    count += 1
    const dollars = (amounts.get(itemId) ?? 1) + 1
    amounts.set(itemId, dollars)
    const work: Promise<void> = place(client, itemId, bidder, `${dollars}.00`, seen).then(
      (bidId) => {
        if (bidId !== undefined) accepted.push(bidId)
        underWay.delete(work)
      },
    )
    underWay.add(work)
  }
  let owed = 0
  let lastMs = performance.now()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    owed = Math.min(owed + ((nowMs - lastMs) * bidsPerSecond) / 1000, bidsPerSecond)
    lastMs = nowMs
    for (; owed >= 1; owed -= 1) bid()
  }, TICK_MS)
  return {
    look() {
      seen = nothingSeen()
      return seen
    },
    async settled() {
      seen = nothingSeen()
      await Promise.all(underWay)
    },
    accepted,
    async stop() {
      clearInterval(timer)
      await Promise.all(underWay)
    },
  }
}

/** Sends one bid once and records in `seen` what came of it; answers its id when it was accepted. */
export async function place(
  client: ApiClient,
  itemId: string,
  { token }: Person,
  maxAmount: string,
  seen: Seen,
): Promise<string | undefined> {
  const sentAtMs = performance.now()
  seen.bids += 1
  let code: string
  try {
    const answer = await client.request('POST', `/api/v1/lots/${itemId}/bids`, {
      token,
      body: { maxAmount },
      timeoutMs: ANSWER_TIMEOUT_MS,
    })
    if (answer.statusCode === 201) {
      seen.accepted += 1
      seen.ids.push(String(answer.body.bidId))
      return String(answer.body.bidId)
    }
    code = `${answer.statusCode} ${String(answer.body.code)}`
    if (answer.statusCode === 409 || answer.statusCode === 422) {
      seen.refused += 1
      return undefined
    }
  } catch (error) {
    code = error instanceof Error ? error.message : String(error)
  } finally {
    seen.answersMs.push(performance.now() - sentAtMs)
  }
  seen.turnedAway.set(code, (seen.turnedAway.get(code) ?? 0) + 1)
  return undefined
}

export const turnedAwayCount = ({ turnedAway }: Seen): number =>
  [...turnedAway.values()].reduce((sum, count) => sum + count, 0)

/** A line of what was seen. */
export function describeSeen(name: string, seen: Seen): string {
  const ms = (share: number) => percentile(seen.answersMs, share).toFixed(0)
  const codes = [...seen.turnedAway].map(([code, count]) => `${count} x ${code}`).join(', ')
  const away = `${turnedAwayCount(seen)} turned away${codes === '' ? '' : ` (${codes})`}`
  return `${name.padEnd(28)} ${seen.bids} bids: ${seen.accepted} accepted, ${seen.refused} refused, ${away}; median ${ms(0.5)} ms, p99 ${ms(0.99)} ms, longest ${ms(1)} ms`
}

/** Bids so many times a second in the name of one account, whatever the answers are. */
export async function bidSteadily(
  perSecond: number,
  forMs: number,
  bid: () => Promise<unknown>,
): Promise<void> {
  const underWay = new Set<Promise<unknown>>()
  const startedAtMs = performance.now()
  for (let count = 0; ; count += 1) {
    const dueMs = startedAtMs + (count * 1000) / perSecond
    if (dueMs > startedAtMs + forMs) break
    const untilMs = dueMs - performance.now()
    if (untilMs > 1) await wait(untilMs)
    const work: Promise<unknown> = bid().finally(() => underWay.delete(work))
    underWay.add(work)
  }
  await Promise.all(underWay)
}
