import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { type Kysely, sql } from 'kysely'
import { sealNext } from '#src/infra/postgres/ledger/seals.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const BATCH = 500

/**
 * Chains what was posted since the last run; returns how many entries that were. Only one process does it at a time:
 * the others leave it to that one.
 */
export async function sealEntries(db: Kysely<Database>, batch = BATCH): Promise<number> {
  let sealed = 0
  for (;;) {
    const count = await db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ isMine: boolean }>`
        select pg_try_advisory_xact_lock(${ADVISORY_LOCKS.ledgerChain}) as "isMine"`.execute(tx)
      return rows[0]?.isMine === true ? sealNext(tx, batch) : 0
    })
    sealed += count
    if (count < batch) return sealed
  }
}
