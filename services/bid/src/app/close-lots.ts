import { setTimeout as pause } from 'node:timers/promises'
import { isUnavailable } from '@auction/common/http/errors.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely, Transaction } from 'kysely'
import { close } from '#src/domain/close.ts'
import type { Lot } from '#src/domain/lot.ts'
import { hasDueLots, lockDueLots } from '#src/infra/postgres/lots.ts'
import { readBidders, recordClosings } from '#src/infra/postgres/results.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BidEvents } from './bid-events.ts'
import { WAIT_MAX_MS } from './decide-batch.ts'

export interface CloserDependencies {
  db: Kysely<Database>
  events: BidEvents
  log: Logger
  observe?: { closed(outcome: string, lagSeconds: number): void }
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

/** Closes every lot that is due and not held by another process for long; returns how many. */
export async function closeDueLots(dependencies: CloserDependencies): Promise<number> {
  // Lots that could not be closed: logged once a run, and left out so that the others are closed.
  const failed: string[] = []
  let total = 0
  for (let pass = 1; ; pass += 1) {
    total += await closeUnlocked(dependencies, failed)
    if (pass === PASSES_MAX) return total
    if (!(await hasDueLots(dependencies.db, CLOSING_GRACE_MS, failed))) return total
    await pause(HELD_PAUSE_MS)
  }
}

/** Page after page, until every due lot that is left is held. */
async function closeUnlocked(dependencies: CloserDependencies, failed: string[]): Promise<number> {
  let total = 0
  for (;;) {
    const taken: string[] = []
    try {
      const closed = await closePage(dependencies, LOTS_PER_PAGE, failed, taken)
      total += closed
      if (closed === 0) return total
    } catch (error) {
      if (isUnavailable(error) || taken.length === 0) throw error
      total += await closeOneByOne(dependencies, taken, failed)
    }
  }
}

/** After a page that failed as a whole: a lot that cannot be closed is logged, the others are closed. */
async function closeOneByOne(
  dependencies: CloserDependencies,
  itemIds: readonly string[],
  failed: string[],
): Promise<number> {
  let total = 0
  for (const itemId of itemIds) {
    try {
      total += await closePage(dependencies, 1, [], [], itemId)
    } catch (error) {
      if (isUnavailable(error)) throw error
      failed.push(itemId)
      dependencies.log.error({ err: error, itemId }, 'lot could not be closed')
    }
  }
  return total
}

/** Closes up to `limit` due lots in one transaction and a few statements; `taken` gets their ids. */
async function closePage(
  { db, events, log, observe }: CloserDependencies,
  limit: number,
  exceptItemIds: readonly string[],
  taken: string[],
  onlyItemId?: string,
): Promise<number> {
  const closings = await outboxTransaction(db, async (tx) => {
    const due = await lockDueLots(tx, CLOSING_GRACE_MS, limit, exceptItemIds, onlyItemId)
    if (due.length === 0) return []
    taken.push(...due.map(({ itemId }) => itemId))
    return closeLocked(tx, events, due)
  })
  for (const { lot, lagSeconds } of closings) {
    observe?.closed(lot.outcome ?? 'none', lagSeconds)
    log.info({ itemId: lot.itemId, outcome: lot.outcome, lagSeconds }, 'lot closed')
  }
  return closings.length
}

async function closeLocked(
  tx: Transaction<Database>,
  events: BidEvents,
  due: Lot[],
): Promise<{ lot: Lot; lagSeconds: number }[]> {
  const nowMs = (await readClock(tx)).getTime()
  const closed = due.flatMap((lot) => {
    const verdict = close(lot, nowMs, CLOSING_GRACE_MS)
    return verdict.outcome === 'refused' ? [] : [verdict.lot]
  })
  await recordClosings(tx, closed, nowMs)
  const withBids = closed.filter(({ bidCount }) => bidCount > 0)
  const bidders = await readBidders(
    tx,
    withBids.map(({ itemId }) => itemId),
  )
  await events.write(
    tx,
    closed.flatMap((lot) => events.ofClosing(lot, bidders.get(lot.itemId) ?? [], nowMs)),
  )
  return closed.map((lot) => ({ lot, lagSeconds: (nowMs - lot.endsAtMs) / 1000 }))
}
