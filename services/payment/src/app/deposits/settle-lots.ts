import type { Logger } from '@auction/common/process/logger.ts'
import type { Kysely } from 'kysely'
import {
  postponeLotCheck,
  releaseLosers,
  takeDueLots,
} from '#src/infra/postgres/deposits/deposits.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { LotClient } from './lot-client.ts'

export interface SettleDependencies {
  db: Kysely<Database>
  lots: LotClient
  log: Logger
  /** Of one lot. */
  releasesPerSecond: number
}

const LOTS_MAX = 50
// Of a lot that bid did not answer for.
const RETRY_MS = 10_000
// Bid closes a lot two seconds after its end, and publishes that: this is for what was missed.
const AFTER_END_MS = 10_000
/** A lot may end early, by a purchase or a cancellation, and the event of that may be missed as well. */
const CHECK_MS = 60 * 60_000

/** Asks bid for the lots whose deposits are due to be decided. A lot that bid does not answer for comes again. */
export async function settleDueLots(dependencies: SettleDependencies): Promise<number> {
  const { db, log } = dependencies
  const itemIds = await takeDueLots(db, LOTS_MAX, RETRY_MS)
  for (const itemId of itemIds) {
    try {
      await settleLot(dependencies, itemId)
    } catch (error) {
      log.warn({ err: error, itemId }, 'deposits of a lot are not settled, bid is asked again')
    }
  }
  return itemIds.length
}

async function settleLot(
  { db, lots, log, releasesPerSecond: perSecond }: SettleDependencies,
  itemId: string,
): Promise<void> {
  const lot = await lots.read(itemId)
  if (lot === undefined) throw new Error(`bid knows no lot ${itemId}`)
  const { phase, winnerId } = lot
  if (phase !== 'closed' && phase !== 'cancelled') {
    const endsAt = new Date(lot.endDate)
    await postponeLotCheck(db, itemId, { endsAt, afterEndMs: AFTER_END_MS, atMostMs: CHECK_MS })
    return
  }
  const reason = phase === 'cancelled' ? 'cancelled' : 'lost'
  const count = await db
    .transaction()
    .execute((tx) => releaseLosers(tx, { itemId, winnerId, reason, perSecond }))
  if (count > 0) log.info({ itemId, count }, 'deposits of a closed lot are released')
}
