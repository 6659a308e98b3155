import {
  isTransient,
  isUnavailable,
  SQL_STATES,
  serviceUnavailable,
  sqlState,
} from '@auction/common/http/errors.ts'
import { bidErrors } from '#src/errors.ts'
import { IdempotencyRaceError } from '#src/infra/postgres/bid-batch.ts'
import type { BidCommand, Decision } from './bid-command.ts'

/** Why a bid got no decision; none is the bidder's fault, so he may try again. */
export type UndecidedReason = 'queue_full' | 'unavailable' | 'failed'

export interface BidQueueOptions {
  /** Decides and commits a batch as one transaction; the answers are in the batch's order. */
  decide: (batch: BidCommand[]) => Promise<Decision[]>
  batchMax: number
  queueMax: number
  observe?: { batchSize(size: number): void; undecided(reason: UndecidedReason): void }
}

export interface BidQueue {
  /** Resolves when the bid's batch is committed. Rejects with bid.queue_full or unavailable. */
  submit(command: BidCommand): Promise<Decision>
  readonly length: number
  /** Waits until everything that was submitted is answered. */
  drained(): Promise<void>
}

interface Waiting {
  command: BidCommand
  resolve: (decision: Decision) => void
  reject: (error: unknown) => void
}

const RETRIES_MAX = 3

/**
 * Group commit: exactly one batch is in flight; whatever arrives meanwhile forms the next one.
 * No timer: an idle queue commits a single bid at once (R-BID-11, ADR 0001).
 */
export function createBidQueue(options: BidQueueOptions): BidQueue {
  const { batchMax, queueMax } = options
  let waiting: Waiting[] = []
  let isDraining = false
  let onDrained: (() => void)[] = []

  const drain = async () => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchMax)
      waiting = waiting.slice(batchMax)
      options.observe?.batchSize(batch.length)
      await settle(batch, options)
    }
    isDraining = false
    for (const resolve of onDrained) resolve()
    onDrained = []
  }

  return {
    submit(command) {
      if (waiting.length >= queueMax) {
        options.observe?.undecided('queue_full')
        return Promise.reject(bidErrors.queueFull())
      }
      return new Promise<Decision>((resolve, reject) => {
        waiting.push({ command, resolve, reject })
        if (isDraining) return
        isDraining = true
        // After the poll phase, so that every request which arrived together is in one batch.
        setImmediate(() => void drain())
      })
    },
    get length() {
      return waiting.length
    },
    drained() {
      if (!isDraining) return Promise.resolve()
      return new Promise((resolve) => onDrained.push(resolve))
    },
  }
}

type SettleOptions = Pick<BidQueueOptions, 'decide' | 'observe'>

async function settle(batch: Waiting[], options: SettleOptions): Promise<void> {
  try {
    const decisions = await decideWithRetries(
      batch.map(({ command }) => command),
      options.decide,
    )
    for (const [index, { resolve, reject }] of batch.entries()) {
      const decision = decisions[index]
      if (decision === undefined) reject(new Error('a bid was left without a decision'))
      else resolve(decision)
    }
  } catch (error) {
    const lots = byLot(batch)
    if (sqlState(error) === SQL_STATES.lockNotAvailable && lots.length > 1) {
      // Another transaction holds one of the lots. The others are decided without it, side by side, or its
      // lock would cost every bid of this process the time of the wait.
      await Promise.all(lots.map((bids) => settle(bids, options)))
      return
    }
    if (batch.length === 1 || isUnavailable(error) || isContention(error)) {
      const reason = isContention(error) ? serviceUnavailable() : error
      for (const { reject } of batch) {
        options.observe?.undecided(
          isContention(error) || isUnavailable(error) ? 'unavailable' : 'failed',
        )
        reject(reason)
      }
      return
    }
    // One bid of this batch breaks the statement. Nothing was committed, so each is tried alone
    // and only the broken one fails.
    for (const bid of batch) await settle([bid], options)
  }
}

function byLot(batch: Waiting[]): Waiting[][] {
  const lots = new Map<string, Waiting[]>()
  for (const bid of batch) {
    const bids = lots.get(bid.command.itemId) ?? []
    bids.push(bid)
    lots.set(bid.command.itemId, bids)
  }
  return [...lots.values()]
}

async function decideWithRetries(
  commands: BidCommand[],
  decide: BidQueueOptions['decide'],
): Promise<Decision[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await decide(commands)
    } catch (error) {
      const state = sqlState(error)
      // A lock that was not free in time is not waited for once more.
      const isWorthRetrying =
        error instanceof IdempotencyRaceError ||
        state === SQL_STATES.deadlock ||
        state === SQL_STATES.serializationFailure
      if (!isWorthRetrying || attempt > RETRIES_MAX) throw error
    }
  }
}

function isContention(error: unknown): boolean {
  return error instanceof IdempotencyRaceError || isTransient(error)
}
