import type { Kysely } from 'kysely'
import type { BidSettings } from '#src/domain/settings.ts'
import { originalTerms } from '#src/domain/terms.ts'
import { verifyLedger } from '#src/domain/verify.ts'
import { readLedger, readLotsPage } from '#src/infra/postgres/ledger.ts'
import { findWrongResults } from '#src/infra/postgres/results.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Verification {
  lots: number
  entries: number
  violations: string[]
}

const PAGE_SIZE = 500

/**
 * Replays the ledger of every lot and compares it with the lot, in one snapshot, so it may run
 * while bids come in. For operators after a restore, and for the crash test.
 */
export async function verifyLots(
  db: Kysely<Database>,
  settings: BidSettings,
): Promise<Verification> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx) => {
      const verification: Verification = { lots: 0, entries: 0, violations: [] }
      let after: string | undefined
      for (;;) {
        const lots = await readLotsPage(tx, after, PAGE_SIZE)
        for (const lot of lots) {
          const entries = await readLedger(tx, lot.itemId)
          verification.lots += 1
          verification.entries += entries.length
          const found = verifyLedger(originalTerms(lot, entries), entries, lot, settings)
          verification.violations.push(...found.map((text) => `${lot.itemId} ${text}`))
        }
        after = lots.at(-1)?.itemId
        if (lots.length < PAGE_SIZE) break
      }
      const wrong = await findWrongResults(tx)
      verification.violations.push(
        ...wrong.map(
          ({ itemId, results }) => `${itemId} I17: ${results} results, or another winner`,
        ),
      )
      return verification
    })
}
