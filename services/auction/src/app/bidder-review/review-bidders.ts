import {
  SHARED_ADDRESSES_PATH,
  SHARED_ADDRESSES_USERS_MAX,
  type SharedAddress,
  type SharedAddresses,
} from '@auction/common/contracts/shared-addresses.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import type { Kysely } from 'kysely'
import {
  postponeReviews,
  readDueBidders,
  replaceFlags,
  takeDueBidders,
} from '#src/infra/postgres/bidder-review/review-flags.ts'
import { deleteHarmlessBids } from '#src/infra/postgres/bidder-review/review-sources.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Asks identity which accounts log in from the same addresses as these bidders. */
export type AddressCheck = (bidderIds: readonly string[]) => Promise<SharedAddress[]>

export function createAddressCheck(identity: InternalClient): AddressCheck {
  return async (userIds) => {
    const { statusCode, body } = await identity.request<SharedAddresses>(
      'POST',
      SHARED_ADDRESSES_PATH,
      { userIds },
    )
    if (statusCode !== 200) throw serviceUnavailable({ service: 'identity' })
    return body.pairs
  }
}

export interface ReviewDependencies {
  db: Kysely<Database>
  sharedAddressesOf: AddressCheck
}

/**
 * Computes the flags of bidders whose review is due. Returns how many there were. Throws when identity
 * does not answer: the other flags are computed all the same, and shared addresses a minute later.
 */
export async function reviewBidders({
  db,
  sharedAddressesOf,
}: ReviewDependencies): Promise<number> {
  const due = await readDueBidders(db, SHARED_ADDRESSES_USERS_MAX)
  if (due.length === 0) return 0
  const [asked] = await Promise.allSettled([sharedAddressesOf(due)])
  const reviewed = await db.transaction().execute(async (tx) => {
    const bidderIds = await takeDueBidders(tx, due)
    const sharedAddresses = asked.status === 'fulfilled' ? asked.value : undefined
    if (bidderIds.length > 0) {
      await replaceFlags(tx, bidderIds, sharedAddresses)
      await deleteHarmlessBids(tx, bidderIds)
    }
    if (sharedAddresses === undefined) await postponeReviews(tx, bidderIds)
    return bidderIds.length
  })
  if (asked.status === 'rejected') throw asked.reason
  return reviewed
}
