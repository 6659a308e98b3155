import { setTimeout as pause } from 'node:timers/promises'
import { isUnavailable } from '@auction/common/http/errors.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import { close } from '#src/domain/close.ts'
import type { Lot } from '#src/domain/lot.ts'
import {
  endAfterOutage,
  extendAfterOutage,
  judgeEnd,
  LAST_MINUTES_MS,
  type Outage,
  outagesBetween,
} from '#src/domain/outage.ts'
import { takeLotTraces } from '#src/infra/postgres/lot-traces.ts'
import { hasDueLots, type LotsPage, lockDueLots, lockHarmedLots } from '#src/infra/postgres/lots.ts'
import {
  type ExtendedLot,
  readBiddingPeriods,
  readLastProof,
  recordOutageExtensions,
} from '#src/infra/postgres/outages.ts'
import { readBidders, readShownBids, recordClosings } from '#src/infra/postgres/results.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BidEvents } from './bid-events.ts'
import { WAIT_MAX_MS } from './decide-batch.ts'

export interface CloserDependencies {
  db: Kysely<Database>
  events: BidEvents
  log: Logger
  /** By how much a lot is extended after an outage, at least. */
  outageExtensionMs: number
  observe?: {
    closed(outcome: string, lagSeconds: number): void
    extendedAfterOutage(): void
  }
}

/**
 * The closer waits as long after the end as a bid may wait for its decision, so no bid that came
 * in time can find the lot closed (R-CLOSE-1).
 */
export const CLOSING_GRACE_MS = WAIT_MAX_MS

// Bids on the lots of a page wait until it is committed, so a page is small.
const LOTS_PER_PAGE = 20

// Lots that are held at the end of a pass are mostly free a moment later. What is still held after
// the last pass is left to the next run.
const HELD_PAUSE_MS = 100
const PASSES_MAX = 10

/** Locks a page of lots that the closer has to look at. */
type LockLots = (tx: Transaction<Database>, page: LotsPage) => Promise<Lot[]>

interface Run {
  dependencies: CloserDependencies
  /** Lots that could not be settled: logged once a run, and left out so that the others are. */
  failed: string[]
}

/**
 * Closes every lot that is due and not held by another process for long; returns how many. A lot
 * whose last minutes were in an outage is extended instead, once, and that also before its end. A
 * lot is left alone until it is proved that bids could be placed until its end (R-CLOSE-13).
 */
export async function closeDueLots(dependencies: CloserDependencies): Promise<number> {
  const run: Run = { dependencies, failed: [] }
  const { db } = dependencies
  for (const outage of await readRecentOutages(db)) {
    const lock: LockLots = (tx, page) => lockHarmedLots(tx, outage, LAST_MINUTES_MS, page)
    await settleUnlocked(run, lock)
  }
  let total = 0
  for (let pass = 1; ; pass += 1) {
    // A lot whose end is not proved would only be locked and left again.
    const due = { graceMs: CLOSING_GRACE_MS, provenMs: await readLastProof(db) }
    total += await settleUnlocked(run, (tx, page) => lockDueLots(tx, due, page))
    if (pass === PASSES_MAX) return total
    if (!(await hasDueLots(db, due, run.failed))) return total
    await pause(HELD_PAUSE_MS)
  }
}

/** The outages after which there may be harmed lots whose end still lies ahead. */
async function readRecentOutages(db: Kysely<Database>): Promise<Outage[]> {
  const recentMs = (await readClock(db)).getTime() - LAST_MINUTES_MS
  const outages = outagesBetween(await readBiddingPeriods(db, recentMs))
  return outages.filter(({ untilMs }) => untilMs > recentMs)
}

/** Page after page, until every lot that is left is held; returns how many were closed. */
async function settleUnlocked(run: Run, lock: LockLots): Promise<number> {
  let total = 0
  for (;;) {
    const taken: string[] = []
    try {
      const page = { limit: LOTS_PER_PAGE, exceptItemIds: run.failed }
      const { closed, extended } = await settlePage(run, lock, page, taken)
      total += closed
      if (closed + extended === 0) return total
    } catch (error) {
      if (isUnavailable(error) || taken.length === 0) throw error
      total += await settleOneByOne(run, lock, taken)
    }
  }
}

/** After a page that failed as a whole: a lot that cannot be settled is logged, the others are. */
async function settleOneByOne(
  run: Run,
  lock: LockLots,
  itemIds: readonly string[],
): Promise<number> {
  let total = 0
  for (const itemId of itemIds) {
    try {
      const page = { limit: 1, exceptItemIds: [], onlyItemId: itemId }
      total += (await settlePage(run, lock, page, [])).closed
    } catch (error) {
      if (isUnavailable(error)) throw error
      run.failed.push(itemId)
      run.dependencies.log.error({ err: error, itemId }, 'lot could not be closed')
    }
  }
  return total
}

interface Settled {
  closed: { lot: Lot; lagSeconds: number }[]
  extended: ExtendedLot[]
}

/** Settles a page of lots in one transaction and a few statements; `taken` gets their ids. */
async function settlePage(
  { dependencies }: Run,
  lock: LockLots,
  page: LotsPage,
  taken: string[],
): Promise<{ closed: number; extended: number }> {
  const { db, log, observe } = dependencies
  const { closed, extended } = await outboxTransaction(db, async (tx): Promise<Settled> => {
    const lots = await lock(tx, page)
    if (lots.length === 0) return { closed: [], extended: [] }
    taken.push(...lots.map(({ itemId }) => itemId))
    return settleLocked(tx, dependencies, lots)
  })
  for (const { lot, lagSeconds } of closed) {
    observe?.closed(lot.outcome ?? 'none', lagSeconds)
    log.info({ itemId: lot.itemId, outcome: lot.outcome, lagSeconds }, 'lot closed')
  }
  for (const { lot, entry } of extended) {
    observe?.extendedAfterOutage()
    log.warn(
      {
        itemId: lot.itemId,
        endDate: new Date(lot.endsAtMs),
        outageFrom: new Date(entry.outageFromMs),
        outageUntil: new Date(entry.outageUntilMs),
      },
      'lot extended after an outage',
    )
  }
  return { closed: closed.length, extended: extended.length }
}

async function settleLocked(
  tx: Transaction<Database>,
  { events, outageExtensionMs }: CloserDependencies,
  lots: Lot[],
): Promise<Settled> {
  const nowMs = (await readClock(tx)).getTime()
  const firstEndMs = Math.min(...lots.map(({ endsAtMs }) => endsAtMs))
  const periods = await readBiddingPeriods(tx, firstEndMs - LAST_MINUTES_MS)
  const closed: Lot[] = []
  const extended: ExtendedLot[] = []
  for (const lot of lots) {
    const end = judgeEnd(lot, periods, nowMs)
    if (end.outcome === 'outage') {
      extended.push(extendLot(lot, end.outage, nowMs, outageExtensionMs))
    } else if (end.outcome === 'undisturbed') {
      const verdict = close(lot, nowMs, CLOSING_GRACE_MS)
      if (verdict.outcome !== 'refused') closed.push(verdict.lot)
    }
  }
  await recordOutageExtensions(tx, extended)
  await recordClosings(tx, closed, nowMs)
  const withBids = closed.filter(({ bidCount }) => bidCount > 0)
  const bidders = await readBidders(
    tx,
    withBids.map(({ itemId }) => itemId),
  )
  const shownBids = await readShownBids(
    tx,
    closed.filter(({ winnerId, silentRaises }) => winnerId !== null && silentRaises > 0),
  )
  const traces = await takeLotTraces(
    tx,
    withBids.map(({ itemId }) => itemId),
  )
  await events.write(tx, [
    ...extended.map(({ lot, entry }) => events.ofOutage(lot, entry)),
    ...closed.flatMap((lot) => {
      const shown = { ...lot, leaderBidId: shownBids.get(lot.itemId) ?? lot.leaderBidId }
      const lastBid = traces.get(lot.itemId)
      const trace = ownTrace('lot close', lastBid === undefined ? [] : [lastBid])
      return events.ofClosing(shown, bidders.get(lot.itemId) ?? [], nowMs, { trace })
    }),
  ])
  return {
    closed: closed.map((lot) => ({ lot, lagSeconds: (nowMs - lot.endsAtMs) / 1000 })),
    extended,
  }
}

function extendLot(
  lot: Lot,
  { fromMs, untilMs }: Outage,
  nowMs: number,
  extensionMs: number,
): ExtendedLot {
  return extendAfterOutage(lot, {
    // Whole milliseconds survive every store, so a replay comes to the same.
    outageFromMs: Math.floor(fromMs),
    outageUntilMs: Math.floor(untilMs),
    decidedAtMs: Math.max(Math.floor(nowMs), lot.lastDecidedAtMs ?? 0),
    extendedToMs: endAfterOutage(lot, nowMs, extensionMs),
  })
}
