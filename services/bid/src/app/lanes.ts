import { setTimeout as pause } from 'node:timers/promises'
import type { BatchAnswer, LotCommand } from './bid-command.ts'
import {
  answerAll,
  isLockTimeout,
  rejectAll,
  type SettleOptions,
  settle,
  settleAfter,
  type WaitingBid,
  withRetries,
} from './settle.ts'

export interface LanesOptions extends SettleOptions {
  /** Waits for the lock of one lot and decides what `take` returns once it has it. */
  decideHeldLot: (itemId: string, take: () => LotCommand[]) => Promise<BatchAnswer[]>
  batchMax: number
  lanesMax: number
  observe?: (SettleOptions['observe'] & { batchSize(size: number): void }) | undefined
  /** Called when no lot is held any more. */
  onIdle: () => void
}

/** The lots of this process that other transactions hold, with the bids that wait for them. */
export interface Lanes {
  /** Takes bids whose lot was found held. From then on all bids on that lot belong here. */
  add(bids: WaitingBid[]): void
  /** Appends a bid if its lot is held; otherwise false, and the bid belongs to the main loop. */
  join(bid: WaitingBid): boolean
  has(itemId: string): boolean
  /** Removes and returns the bids that arrived before an instant. */
  removeBefore(receivedMs: number): WaitingBid[]
  oldestReceivedMs(): number
  /** Bids that wait; those in a transaction are not among them. */
  readonly waiting: number
  /** Lots that a transaction of their own waits for or decides. */
  readonly open: number
  readonly isIdle: boolean
}

interface HeldLot {
  readonly itemId: string
  readonly bids: WaitingBid[]
}

const SWEEP_PAUSE_MS = 20

/**
 * A lot that another transaction holds gets a lane: a transaction that waits for it beside the main
 * loop, a turn at a time. When all lanes are taken, further held lots stand in line for one;
 * meanwhile a sweep tries all of those together again, without waiting for any, so that lots which
 * were held for a moment never wait behind lots that are held for long (R-BID-12, ADR 0031). A lot
 * is in one place at a time, and its bids follow it, so they keep their order.
 */
export function createLanes(options: LanesOptions): Lanes {
  const { batchMax, lanesMax } = options
  const held = new Map<string, HeldLot>()
  let line: HeldLot[] = []
  let open = 0
  let isSweeping = false

  const isIdle = () => held.size === 0 && open === 0 && !isSweeping

  /** A lot after its turn: to the end of the line while bids wait for it. */
  const giveBack = (lot: HeldLot) => {
    if (lot.bids.length === 0) held.delete(lot.itemId)
    else line.push(lot)
  }

  const fillLanes = () => {
    while (open < lanesMax && line.length > 0) {
      const lot = line.shift()
      if (lot !== undefined) void useLane(lot)
    }
    if (line.length > 0 && !isSweeping) void sweep()
    if (isIdle()) options.onIdle()
  }

  const useLane = async (lot: HeldLot) => {
    open += 1
    await takeTurn(lot, options)
    open -= 1
    giveBack(lot)
    fillLanes()
  }

  const sweep = async () => {
    isSweeping = true
    while (line.length > 0) {
      const tried: HeldLot[] = []
      const bids: WaitingBid[] = []
      while (line.length > 0 && bids.length < batchMax) {
        const lot = line.shift()
        if (lot === undefined) break
        tried.push(lot)
        bids.push(...lot.bids.splice(0, batchMax - bids.length))
      }
      const stillHeld = bids.length === 0 ? [] : await settle(bids, options)
      for (const lot of tried) {
        lot.bids.unshift(...stillHeld.filter(({ command }) => command.itemId === lot.itemId))
        giveBack(lot)
      }
      fillLanes()
      if (stillHeld.length > 0) await pause(SWEEP_PAUSE_MS)
    }
    isSweeping = false
    fillLanes()
  }

  const heldLots = () => [...held.values()]

  return {
    add(bids) {
      for (const bid of bids) {
        const { itemId } = bid.command
        const lot = held.get(itemId)
        if (lot !== undefined) lot.bids.push(bid)
        else {
          const newLot = { itemId, bids: [bid] }
          held.set(itemId, newLot)
          line.push(newLot)
        }
      }
      fillLanes()
    },
    join(bid) {
      const lot = held.get(bid.command.itemId)
      lot?.bids.push(bid)
      return lot !== undefined
    },
    has: (itemId) => held.has(itemId),
    removeBefore(receivedMs) {
      const removed = heldLots().flatMap(({ bids }) => {
        const young = bids.findIndex(({ command }) => command.receivedAtMs >= receivedMs)
        return bids.splice(0, young === -1 ? bids.length : young)
      })
      // A lot in a lane or in the sweep leaves after its turn.
      for (const { itemId } of line.filter(({ bids }) => bids.length === 0)) held.delete(itemId)
      line = line.filter(({ bids }) => bids.length > 0)
      if (removed.length > 0 && isIdle()) options.onIdle()
      return removed
    },
    oldestReceivedMs: () =>
      heldLots().reduce(
        (oldest, { bids }) => Math.min(oldest, bids[0]?.command.receivedAtMs ?? oldest),
        Number.POSITIVE_INFINITY,
      ),
    get waiting() {
      return heldLots().reduce((sum, { bids }) => sum + bids.length, 0)
    },
    get open() {
      return open
    },
    get isIdle() {
      return isIdle()
    },
  }
}

/** One transaction for one held lot. The bids stay in line until it has the lock. */
async function takeTurn(lot: HeldLot, options: LanesOptions): Promise<void> {
  const { batchMax, decideHeldLot } = options
  let taken: WaitingBid[] = []
  const take = () => {
    if (taken.length === 0) taken = lot.bids.splice(0, batchMax)
    return taken.map(({ command }) => command)
  }
  try {
    const answers = await withRetries(() => decideHeldLot(lot.itemId, take))
    if (taken.length > 0) options.observe?.batchSize(taken.length)
    answerAll(taken, answers, options)
  } catch (error) {
    if (taken.length > 0) {
      const decide = (commands: LotCommand[]) => decideHeldLot(lot.itemId, () => commands)
      await settleAfter(error, taken, { ...options, decide })
    } else if (!isLockTimeout(error)) rejectAll(error, lot.bids.splice(0), options)
  }
}
