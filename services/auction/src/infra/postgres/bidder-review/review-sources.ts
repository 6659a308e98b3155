import { type Kysely, sql, type Transaction } from 'kysely'
import { NEW_ACCOUNT_DAYS } from '#src/domain/review-flags.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// The registration of a bidder may arrive long after the bid, but not later than this.
const LATE_BID_RETENTION_DAYS = 90

/**
 * Deletes the late bids of reviewed bidders whose accounts were not new: they make no flag. The later one of
 * bid and registration queues a review, so none is left out but for the purge by age.
 */
export async function deleteHarmlessBids(
  tx: Transaction<Database>,
  bidderIds: readonly string[],
): Promise<void> {
  await sql`
    delete from late_bids as late using user_registrations
    where late.bidder_id = any(${[...bidderIds]}::uuid[]) and user_id = late.bidder_id
      and late.bid_at >= registered_at + make_interval(days => ${NEW_ACCOUNT_DAYS})`.execute(tx)
}

/**
 * Deletes old late bids, and registrations that are too old to matter. Lots that users bid on stay: "never
 * wins" counts them.
 */
export async function purgeReviewSources(db: Kysely<Database>, limit: number): Promise<void> {
  await sql`
    delete from late_bids where (bidder_id, item_id) in (
      select bidder_id, item_id from late_bids
      where bid_at < statement_timestamp() - make_interval(days => ${LATE_BID_RETENTION_DAYS})
      order by bid_at limit ${limit})`.execute(db)
  await sql`
    delete from user_registrations where user_id in (
      select user_id from user_registrations as registered
      where registered_at < statement_timestamp() - make_interval(days => ${LATE_BID_RETENTION_DAYS})
        and not exists (select from late_bids where bidder_id = registered.user_id)
      order by registered_at limit ${limit})`.execute(db)
}
