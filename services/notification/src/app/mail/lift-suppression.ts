import type { Kysely } from 'kysely'
import { forgiveReports, lockReports } from '#src/infra/postgres/mail/mail-reports.ts'
import { releaseAddress } from '#src/infra/postgres/mail/suppressions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * An operator says that an address is good: it gets notices again, and what bounced before does not count against it.
 * One without the other would suppress it again at its next soft bounce. False: it was not suppressed.
 */
export async function liftSuppression(
  db: Kysely<Database>,
  addressDigest: Buffer,
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    await lockReports(tx, addressDigest)
    await forgiveReports(tx, addressDigest)
    return releaseAddress(tx, addressDigest)
  })
}
