import { percentile } from '#src/percentile.ts'
import type { RecordedAuction } from './ebay-auctions.ts'

/** How fast recorded auctions are played. */
export interface Pace {
  /** What an answer may take before a bid comes after the end of its auction. */
  answerMs: number
  /** Requests that are sent in a second, in the middle; auctions begin evenly spread for it. */
  requestsPerSecond: number
  /** No auction is shorter. */
  shortestMs: number
}

/** How the platform answers bids. */
export interface Answering {
  /** How many at most, when as many are sent as it takes. */
  perSecond: number
  /** What 95 of 100 bids are answered in. */
  bidMs: number
}

/** Share of an auction in which the recorded time is played; the rest is for the last bids. */
export const PLAYED_SHARE = 0.75
/** By the plan a bid is answered before this share of the auction is over. */
const ANSWERED_SHARE = 0.95
/** Answers may become so many times slower before a bid comes after the end. */
const SLACK = 4
/** Share of what the platform answers that is asked of it. */
const USED_SHARE = 0.5
/** Listing an item, publishing it and looking at its end, in bids. */
const COST_OF_LISTING = 10
const SHORTEST_MS = 6_000

/** The fastest pace at which every bid comes well before the end. */
export function choosePace(
  { perSecond, bidMs }: Answering,
  shortestMs: number = SHORTEST_MS,
): Pace {
  return { answerMs: bidMs * SLACK, requestsPerSecond: perSecond * USED_SHARE, shortestMs }
}

/**
 * How long an auction must last. Its bids follow each other, each after the answer to the one before, and many
 * come in the last moments: a bid and all behind it must be answered between its own time and the end.
 */
export function durationOf({ bids }: RecordedAuction, { answerMs, shortestMs }: Pace): number {
  return Math.max(
    shortestMs,
    ...bids.map(
      ({ at }, index) =>
        ((bids.length - index) * answerMs) / (ANSWERED_SHARE - Math.min(1, at) * PLAYED_SHARE),
    ),
  )
}

/** How long after this auction the next one begins. */
export function spacingOf({ bids }: RecordedAuction, { requestsPerSecond }: Pace): number {
  return ((bids.length + COST_OF_LISTING) * 1000) / requestsPerSecond
}

export function slower(pace: Pace, factor: number): Pace {
  return {
    answerMs: pace.answerMs * factor,
    requestsPerSecond: pace.requestsPerSecond / factor,
    shortestMs: pace.shortestMs * factor,
  }
}

export interface Governor {
  /** Of the auctions that are listed from now on. */
  pace(): Pace
  /** A bid is sent so long after its time, with so much time left until the end. */
  sent(behindMs: number, leftMs: number): void
  /** It was answered, or failed, after so long. */
  answered(tookMs: number): void
  /** False while more bids wait for their answers than are sent in a second. */
  mayBegin(): boolean
}

const ANSWERS_KEPT = 200
/** A bid that is behind by more than this share of its time until the end is a warning. */
const WARNING_SHARE = 0.4
const SLOWER_FACTOR = 1.5
/** What is behind so soon after a change was listed before it. */
const QUIET_MS = 5_000

/**
 * Slows the pace while it is played: when answers take longer than it was chosen for, and when bids fall
 * behind. It is never faster again: auctions that are listed have their ends, and what slowed down once may do
 * so again.
 */
export function createGovernor(first: Pace, now: () => number = () => performance.now()): Governor {
  let pace = first
  let quietUntilMs = Number.NEGATIVE_INFINITY
  let underWay = 0
  let answersMs: number[] = []
  return {
    pace: () => pace,
    mayBegin: () => underWay <= pace.requestsPerSecond,
    sent(behindMs, leftMs) {
      underWay += 1
      if (behindMs < WARNING_SHARE * (behindMs + leftMs) || now() < quietUntilMs) return
      pace = slower(pace, SLOWER_FACTOR)
      quietUntilMs = now() + QUIET_MS
    },
    answered(tookMs) {
      underWay -= 1
      answersMs.push(tookMs)
      if (answersMs.length < ANSWERS_KEPT) return
      const neededMs = percentile(answersMs, 0.95) * SLACK
      answersMs = []
      if (neededMs <= pace.answerMs) return
      // Slower answers are fewer answers: the platform is as busy as it can be.
      const factor = Math.min(SLOWER_FACTOR, neededMs / pace.answerMs)
      pace = {
        ...pace,
        answerMs: neededMs,
        requestsPerSecond: pace.requestsPerSecond / factor,
      }
    },
  }
}
