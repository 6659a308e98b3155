import { isUnavailable } from '@auction/common/http/errors.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely, Transaction } from 'kysely'
import { close } from '#src/domain/close.ts'
import type { Lot } from '#src/domain/lot.ts'
import { lockDueLots } from '#src/infra/postgres/lots.ts'
import { readBidders, recordClosing } from '#src/infra/postgres/results.ts'
import { inSavepoint, SavepointError } from '#src/infra/postgres/savepoint.ts'
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

const LOTS_PER_TRANSACTION = 50

/** Closes every lot that is due and not being closed by another process; returns how many. */
export async function closeDueLots(dependencies: CloserDependencies): Promise<number> {
  // Lots that could not be closed: logged once a run, and left out so that the others are closed.
  const failed: string[] = []
  let total = 0
  for (;;) {
    const taken = failed.length
    const closed = await closeSome(dependencies, LOTS_PER_TRANSACTION, failed)
    total += closed
    if (closed + failed.length - taken < LOTS_PER_TRANSACTION) return total
  }
}

async function closeSome(
  { db, events, log, observe }: CloserDependencies,
  limit: number,
  failed: string[],
): Promise<number> {
  const closings = await outboxTransaction(db, async (tx) => {
    const lots = await lockDueLots(tx, CLOSING_GRACE_MS, limit, failed)
    if (lots.length === 0) return []
    const nowMs = (await readClock(tx)).getTime()
    const done: { lot: Lot; lagSeconds: number }[] = []
    for (const lot of lots) {
      const closed = await closeAlone(tx, log, failed, lot, () => closeOne(tx, events, lot, nowMs))
      if (closed !== undefined) {
        done.push({ lot: closed, lagSeconds: (nowMs - lot.endsAtMs) / 1000 })
      }
    }
    return done
  })
  for (const { lot, lagSeconds } of closings) {
    observe?.closed(lot.outcome ?? 'none', lagSeconds)
    log.info({ itemId: lot.itemId, outcome: lot.outcome, lagSeconds }, 'lot closed')
  }
  return closings.length
}

/** A lot that cannot be closed is undone and logged; the others go on. */
async function closeAlone(
  tx: Transaction<Database>,
  log: Logger,
  failed: string[],
  { itemId }: Lot,
  work: () => Promise<Lot | undefined>,
): Promise<Lot | undefined> {
  try {
    return await inSavepoint(tx, work)
  } catch (error) {
    // Without its savepoints the transaction is lost, and with it what was closed before.
    if (isUnavailable(error) || error instanceof SavepointError) throw error
    failed.push(itemId)
    log.error({ err: error, itemId }, 'lot could not be closed')
    return undefined
  }
}

async function closeOne(
  tx: Transaction<Database>,
  events: BidEvents,
  lot: Lot,
  nowMs: number,
): Promise<Lot | undefined> {
  const verdict = close(lot, nowMs, CLOSING_GRACE_MS)
  if (verdict.outcome === 'refused') return undefined
  await recordClosing(tx, verdict.lot, nowMs)
  const bidders = verdict.lot.bidCount === 0 ? [] : await readBidders(tx, lot.itemId)
  await events.write(tx, events.ofClosing(verdict.lot, bidders, nowMs))
  return verdict.lot
}
