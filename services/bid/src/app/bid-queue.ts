import { bidErrors } from '#src/errors.ts'
import type { Decision, LotCommand } from './bid-command.ts'
import { createLanes, type LanesOptions } from './lanes.ts'
import { isLockTimeout, settle, type WaitingBid } from './settle.ts'

export interface BidQueueOptions extends Omit<LanesOptions, 'onIdle'> {
  queueMax: number
  /** Bids that waited longer are answered without being decided. */
  waitMaxMs: number
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

/** Batches of the main loop in flight: while one waits for PostgreSQL, the bids of the other are judged. */
const BATCHES_MAX = 2

/** For fewer bids no second batch begins: its transaction would cost more time than they wait. */
const WORTH_A_BATCH = 32

/** What a queue uses at most: the batches of the main loop, the sweep of the lanes, and the lanes. */
export const BID_CONNECTIONS = LANES_MAX + BATCHES_MAX + 1

// Bids that grow too old within this time are answered together.
const EXPIRY_PAUSE_MS = 50

/**
 * Group commit: whatever arrives while a batch is in flight forms the next one. Under load two are in
 * flight, on different lots, so that the bids on a lot keep their order. The main loop waits for no lot: bids
 * on a lot that another transaction holds go into a lane beside it. No batch waits for a timer: an idle queue
 * commits a single bid at once (R-BID-11, R-BID-12, ADR 0001, ADR 0031, ADR 0071).
 */
export function createBidQueue(options: BidQueueOptions): BidQueue {
  const { batchMax, queueMax, waitMaxMs, observe } = options
  const worthABatch = Math.min(WORTH_A_BATCH, batchMax)
  let waiting: WaitingBid[] = []
  /** The lots and the keys of the batches in flight. */
  const busy = new Set<string>()
  let inFlight = 0
  /** Bids that wait and may be in a second batch, as far as is known without a look at all of them. */
  let arrived = 0
  let isScheduled = false
  let expiry: NodeJS.Timeout | undefined
  let onDrained: (() => void)[] = []

  const isIdle = () => inFlight === 0 && waiting.length === 0 && lanes.isIdle
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
    const receivedMs = performance.now() - waitMaxMs
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
      oldestMs === Number.POSITIVE_INFINITY ? 0 : oldestMs + waitMaxMs - performance.now()
    expiry = setTimeout(
      () => {
        expiry = undefined
        refuseOld()
        watchAges()
      },
      Math.max(EXPIRY_PAUSE_MS, dueMs),
    )
  }

  /** The bids that wait, in order, for lots that no batch in flight has. */
  const nextBatch = (): WaitingBid[] => {
    const batch: WaitingBid[] = []
    const passedOver = new Set<string>()
    for (const bid of waiting) {
      if (batch.length === batchMax) break
      const { itemId } = bid.command
      // A key in flight is one on another lot, sent again by mistake: it waits for the stored answer.
      if (keyOf(bid).some((key) => busy.has(key))) passedOver.add(itemId)
      if (!busy.has(itemId) && !passedOver.has(itemId)) batch.push(bid)
    }
    return batch
  }

  const decideMain = async (batch: WaitingBid[]) => {
    const own = new Set(batch.flatMap((bid) => [bid.command.itemId, ...keyOf(bid)]))
    inFlight += 1
    for (const one of own) busy.add(one)
    observe?.batchSize(batch.length)
    const held = await settleMain(batch, options)
    for (const one of own) busy.delete(one)
    inFlight -= 1
    if (held.length > 0) {
      lanes.add(held)
      waiting = waiting.filter((bid) => !lanes.join(bid))
    }
    beginBatches()
  }

  const beginBatches = () => {
    isScheduled = false
    arrived = 0
    refuseOld()
    while (inFlight < BATCHES_MAX) {
      const batch = nextBatch()
      if (batch.length < (inFlight === 0 ? 1 : worthABatch)) {
        arrived = batch.length
        break
      }
      const taken = new Set(batch)
      waiting = waiting.filter((bid) => !taken.has(bid))
      void decideMain(batch)
    }
    announceIdle()
  }

  const schedule = () => {
    const isWorthIt = inFlight === 0 || (inFlight < BATCHES_MAX && arrived >= worthABatch)
    if (isScheduled || !isWorthIt) return
    isScheduled = true
    // After the poll phase, so that every request which arrived together is in one batch.
    setImmediate(beginBatches)
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
          if (!busy.has(command.itemId)) arrived += 1
          schedule()
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

/** The key of a request with the one who sent it; neither is the id of a lot. None without a key. */
const keyOf = ({ command: { bidderId, idempotencyKey } }: WaitingBid): string[] =>
  idempotencyKey === null ? [] : [`${bidderId} ${idempotencyKey}`]

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
