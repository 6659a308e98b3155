import type { LiveLots } from '#src/domain/live-lots.ts'
import { lotFrame, resyncFrame } from './frames.ts'
import type { LiveMetrics } from './live-metrics.ts'
import type { Stream } from './stream.ts'

/** A lot that at least one stream watches. */
export interface WatchedLot {
  readonly itemId: string
  /** With the number of the update that each was sent last. */
  readonly watchers: Map<Stream, number>
  /** Counts the updates. */
  update: number
  /** What is written to the watchers for the newest update. */
  frame: Buffer | undefined
  /** Place of the first update that not every watcher was sent; undefined when there is none. */
  unsentFrom: number | undefined
  /** When the event of that update was made. */
  madeAtMs: number
  /** Goes out at once: the lot was closed. */
  isUrgent: boolean
  begunAtMs: number
  round: Round | undefined
}

/** One walk over all watchers. Updates that come meanwhile go to those who are not reached yet. */
interface Round {
  readonly watchers: Iterator<[Stream, number]>
  /** Of the first update that came after the round began. */
  later: { from: number; madeAtMs: number } | undefined
}

export interface FanOut {
  join(itemId: string, stream: Stream): WatchedLot
  leave(lot: WatchedLot, stream: Stream): void
  find(itemId: string): WatchedLot | undefined
  /** A watched lot changed, by the event at that offset. */
  changed(lot: WatchedLot, offset: number, madeAtMs: number): void
  /**
   * The place up to which every stream was sent everything; a client that comes back with it misses
   * nothing. What `except` has not been sent yet does not count.
   */
  place(except?: WatchedLot): number | undefined
  stop(): void
}

export interface FanOutOptions {
  lots: LiveLots
  metrics: LiveMetrics
  write(stream: Stream, bytes: Buffer): void
}

// A lot is sent ten times a second at most, and the newest state wins.
const INTERVAL_MS = 100
/** So many writes in a row, some milliseconds, before others get their turn. */
const WRITES_MAX = 256

/** Sends the newest state of each lot to all who watch it; bytes are made once for all of them. */
export function createFanOut({ lots, metrics, write }: FanOutOptions): FanOut {
  const watched = new Map<string, WatchedLot>()
  const unsent = new Set<WatchedLot>()
  let immediate: NodeJS.Immediate | undefined
  let timer: NodeJS.Timeout | undefined

  const place = (except?: WatchedLot) => {
    let upTo = lots.latest()
    if (upTo === undefined) return undefined
    for (const lot of unsent)
      if (lot !== except && lot.unsentFrom !== undefined) upTo = Math.min(upTo, lot.unsentFrom - 1)
    return upTo
  }
  const frameOf = (lot: WatchedLot) => {
    const state = lots.lot(lot.itemId)
    const id = place(lot)
    lot.frame ??= state === undefined ? resyncFrame(id, [lot.itemId]) : lotFrame(id, state)
    return lot.frame
  }
  /** True when the round is over. */
  const advance = (lot: WatchedLot, round: Round): boolean => {
    const event = lots.lot(lot.itemId) === undefined ? 'resync' : 'lot'
    const frame = frameOf(lot)
    let writes = 0
    while (writes < WRITES_MAX) {
      const { done, value } = round.watchers.next()
      if (done === true) break
      const [stream, sent] = value
      if (sent === lot.update) continue
      lot.watchers.set(stream, lot.update)
      write(stream, frame)
      writes += 1
    }
    metrics.sent(event, writes)
    return writes < WRITES_MAX
  }
  const finish = (lot: WatchedLot, { later }: Round) => {
    metrics.fannedOut((Date.now() - lot.madeAtMs) / 1_000)
    lot.round = undefined
    lot.unsentFrom = later?.from
    lot.madeAtMs = later?.madeAtMs ?? 0
    if (later === undefined) unsent.delete(lot)
  }
  const run = () => {
    immediate = undefined
    const nowMs = performance.now()
    let nextMs = Number.POSITIVE_INFINITY
    for (const lot of unsent) {
      if (lot.round === undefined) {
        const dueAtMs = lot.isUrgent ? nowMs : lot.begunAtMs + INTERVAL_MS
        if (dueAtMs > nowMs) {
          nextMs = Math.min(nextMs, dueAtMs)
          continue
        }
        lot.isUrgent = false
        lot.begunAtMs = nowMs
        lot.round = { watchers: lot.watchers.entries(), later: undefined }
      }
      const { round } = lot
      if (advance(lot, round)) finish(lot, round)
      if (unsent.has(lot)) {
        const isDue = lot.round !== undefined || lot.isUrgent
        nextMs = Math.min(nextMs, isDue ? nowMs : lot.begunAtMs + INTERVAL_MS)
      }
    }
    schedule(nextMs - nowMs)
  }
  const schedule = (delayMs: number) => {
    if (immediate !== undefined) return
    clearTimeout(timer)
    if (delayMs <= 0) immediate = setImmediate(run)
    else if (delayMs < Number.POSITIVE_INFINITY) timer = setTimeout(run, delayMs)
  }

  return {
    join(itemId, stream) {
      const lot = watched.get(itemId) ?? newlyWatched(itemId)
      watched.set(itemId, lot)
      lot.watchers.set(stream, lot.update)
      return lot
    },
    leave(lot, stream) {
      lot.watchers.delete(stream)
      if (lot.watchers.size > 0) return
      watched.delete(lot.itemId)
      unsent.delete(lot)
    },
    find: (itemId) => watched.get(itemId),
    changed(lot, offset, madeAtMs) {
      lot.update += 1
      lot.frame = undefined
      const state = lots.lot(lot.itemId)
      if (state !== undefined && state.phase !== 'open') lot.isUrgent = true
      if (lot.round !== undefined) lot.round.later ??= { from: offset, madeAtMs }
      else if (lot.unsentFrom === undefined) {
        lot.unsentFrom = offset
        lot.madeAtMs = madeAtMs
      }
      unsent.add(lot)
      schedule(0)
    },
    place,
    stop() {
      clearImmediate(immediate)
      clearTimeout(timer)
      unsent.clear()
    },
  }
}

const newlyWatched = (itemId: string): WatchedLot => ({
  itemId,
  watchers: new Map(),
  update: 0,
  frame: undefined,
  unsentFrom: undefined,
  madeAtMs: 0,
  isUrgent: false,
  begunAtMs: Number.NEGATIVE_INFINITY,
  round: undefined,
})
