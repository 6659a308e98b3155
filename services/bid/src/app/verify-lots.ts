import type { Kysely, Transaction } from 'kysely'
import type { Lot } from '#src/domain/lot.ts'
import type { BidSettings } from '#src/domain/settings.ts'
import { originalTerms, sinceReplacement } from '#src/domain/terms.ts'
import { verifyLedger } from '#src/domain/verify.ts'
import { readLedgers, readLotsPage, readReservationPayments } from '#src/infra/postgres/ledger.ts'
import { findWrongResults } from '#src/infra/postgres/results.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Verification {
  lots: number
  entries: number
  violations: string[]
}

const PAGE_SIZE = 500
// Lots of a page may have any number of bids, and their ledgers are in memory at once.
const BIDS_AT_ONCE = 50_000

/**
 * Replays the ledger of every lot and compares it with the lot, in a snapshot for each page, so it may run
 * while bids come in: a snapshot over all would keep every dead row of that time. For operators after a
 * restore, and for the crash test.
 */
export async function verifyLots(
  db: Kysely<Database>,
  settings: BidSettings,
  pageSize = PAGE_SIZE,
): Promise<Verification> {
  const verification: Verification = { lots: 0, entries: 0, violations: [] }
  let after: string | undefined
  for (;;) {
    const lots = await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute((tx) => verifyPage(tx, settings, verification, after, pageSize))
    after = lots.at(-1)?.itemId
    if (lots.length < pageSize) return verification
  }
}

async function verifyPage(
  tx: Transaction<Database>,
  settings: BidSettings,
  verification: Verification,
  after: string | undefined,
  pageSize: number,
): Promise<Lot[]> {
  const lots = await readLotsPage(tx, after, pageSize)
  for (const some of byBids(lots)) {
    const itemIds = some.map(({ itemId }) => itemId)
    const ledgers = await readLedgers(tx, itemIds)
    const payments = await readReservationPayments(tx, itemIds)
    for (const lot of some) {
      const entries = sinceReplacement(lot, ledgers.get(lot.itemId) ?? [])
      verification.lots += 1
      verification.entries += entries.length
      // As the entries: those of former rounds belong to lots that are no more.
      const paid = (payments.get(lot.itemId) ?? []).filter(({ purchaseId }) =>
        entries.some((entry) => entry.kind === 'buy_now' && entry.purchaseId === purchaseId),
      )
      const found = verifyLedger(originalTerms(lot, entries), entries, lot, settings, paid)
      verification.violations.push(...found.map((text) => `${lot.itemId} ${text}`))
    }
  }
  const wrong = await findWrongResults(
    tx,
    lots.map(({ itemId }) => itemId),
  )
  verification.violations.push(
    ...wrong.map(({ itemId, results }) => `${itemId} I17: ${results} results, or another winner`),
  )
  return lots
}

/** Lots in groups that have few bids together, or are one lot. */
function byBids(lots: readonly Lot[]): Lot[][] {
  const groups: Lot[][] = []
  let bids = Number.POSITIVE_INFINITY
  for (const lot of lots) {
    const ofLot = lot.bidCount + lot.silentRaises
    bids += ofLot
    if (bids > BIDS_AT_ONCE) {
      groups.push([])
      bids = ofLot
    }
    groups.at(-1)?.push(lot)
  }
  return groups
}
