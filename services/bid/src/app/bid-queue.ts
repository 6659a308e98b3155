import { bidErrors } from '#src/errors.ts'
import type { Decision, LotCommand } from './bid-command.ts'
import { WAIT_MAX_MS } from './decide-batch.ts'
import { createLanes, type LanesOptions } from './lanes.ts'
import { isLockTimeout, settle, type WaitingBid } from './settle.ts'

export interface BidQueueOptions extends Omit<LanesOptions, 'onIdle'> {
  queueMax: number
}

export interface BidQueue {
  /** Resolves when the bid's batch is committed. Rejects with bid.queue_full or unavailable. */
  submit(command: LotCommand): Promise<Decision>
  /** Bids that wait for a batch or for a held lot. */
  readonly length: number
  /** Of those, the bids that wait for a held lot. */
  readonly heldBids: number
  /** Held lots that a transaction of their own waits for. */
  readonly lanes: number
  /** Waits until everything that was submitted is answered. */
  drained(): Promise<void>
}

/** Lots that are waited for at a time; each has a connection. */
export const LANES_MAX = 4

/** What a queue uses at most: the main loop, the sweep of the lanes, and the lanes. */
export const BID_CONNECTIONS = LANES_MAX + 2

// Bids that grow too old within this time are answered together.
const EXPIRY_PAUSE_MS = 50

/**
 * Group commit: the main loop has exactly one batch in flight; whatever arrives meanwhile forms the
 * next one. It waits for no lot: bids on a lot that another transaction holds go into a lane beside
 * it. No batch waits for a timer: an idle queue commits a single bid at once (R-BID-11, R-BID-12,
 * ADR 0001, ADR 0031).
 */
export function createBidQueue(options: BidQueueOptions): BidQueue {
  const { batchMax, queueMax, observe } = options
  let waiting: WaitingBid[] = []
  let isDraining = false
  let expiry: NodeJS.Timeout | undefined
  let onDrained: (() => void)[] = []

  const isIdle = () => !isDraining && lanes.isIdle
  const announceIdle = () => {
    if (!isIdle()) return
    clearTimeout(expiry)
    expiry = undefined
    for (const resolve of onDrained) resolve()
    onDrained = []
  }
  const lanes = createLanes({ ...options, onIdle: () => announceIdle() })

  /** Answers bids that are too old to be decided. Sent through a lock, they would only keep others. */
  const refuseOld = () => {
    const receivedMs = performance.now() - WAIT_MAX_MS
    const young = waiting.findIndex(({ command }) => command.receivedAtMs >= receivedMs)
    const old = waiting.splice(0, young === -1 ? waiting.length : young)
    for (const { resolve } of [...old, ...lanes.removeBefore(receivedMs)]) {
      observe?.undecided('waited_too_long')
      resolve({ kind: 'waited_too_long' })
    }
  }

  /** One timer at a time, and none while nothing waits. */
  const watchAges = () => {
    if (expiry !== undefined) return
    const first = waiting[0]?.command.receivedAtMs ?? Number.POSITIVE_INFINITY
    const oldestMs = Math.min(first, lanes.oldestReceivedMs())
    if (oldestMs === Number.POSITIVE_INFINITY && isIdle()) return
    // Bids in a transaction do not show, but may come back from it: a lot may still be held.
    const dueMs =
      oldestMs === Number.POSITIVE_INFINITY ? 0 : oldestMs + WAIT_MAX_MS - performance.now()
    expiry = setTimeout(
      () => {
        expiry = undefined
        refuseOld()
        watchAges()
      },
      Math.max(EXPIRY_PAUSE_MS, dueMs),
    )
  }

  const drain = async () => {
    for (;;) {
      refuseOld()
      if (waiting.length === 0) break
      const batch = waiting.slice(0, batchMax)
      waiting = waiting.slice(batchMax)
      observe?.batchSize(batch.length)
      const held = await settleMain(batch, options)
      if (held.length === 0) continue
      lanes.add(held)
      waiting = waiting.filter((bid) => !lanes.join(bid))
    }
    isDraining = false
    announceIdle()
  }

  return {
    submit(command) {
      const isHeld = lanes.has(command.itemId)
      // Bids on held lots are counted apart, so that they cannot fill the queue for all others.
      if ((isHeld ? lanes.waiting : waiting.length) >= queueMax) {
        observe?.undecided('queue_full')
        return Promise.reject(bidErrors.queueFull())
      }
      return new Promise<Decision>((resolve, reject) => {
        const bid = { command, resolve, reject }
        if (!lanes.join(bid)) {
          waiting.push(bid)
          // After the poll phase, so that every request which arrived together is in one batch.
          if (!isDraining) setImmediate(() => void drain())
          isDraining = true
        }
        watchAges()
      })
    },
    get length() {
      return waiting.length + lanes.waiting
    },
    get heldBids() {
      return lanes.waiting
    },
    get lanes() {
      return lanes.open
    },
    drained() {
      if (isIdle()) return Promise.resolve()
      return new Promise((resolve) => onDrained.push(resolve))
    },
  }
}

/**
 * Decides a batch of the main loop; returns the bids that go into lanes. A lock that the batch
 * waited for in vain, that of a key which another transaction is writing, sends all of them there.
 */
function settleMain(batch: WaitingBid[], options: BidQueueOptions): Promise<WaitingBid[]> {
  return settle(batch, {
    observe: options.observe,
    async decide(commands) {
      try {
        return await options.decide(commands)
      } catch (error) {
        if (!isLockTimeout(error)) throw error
        return commands.map(() => ({ kind: 'lot_held' }))
      }
    },
  })
}
