import type { Kysely } from 'kysely'
import { replaceFlags, takeDueBidders } from '#src/infra/postgres/review-flags.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const BATCH_MAX = 200

/** Works out the flags of bidders about whom something new is known. Returns how many there were. */
export async function reviewBidders(db: Kysely<Database>): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const bidderIds = await takeDueBidders(tx, BATCH_MAX)
    if (bidderIds.length > 0) await replaceFlags(tx, bidderIds)
    return bidderIds.length
  })
}
