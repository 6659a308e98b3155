import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { notFoundOrForbidden } from '#src/app/item/not-found-or-forbidden.ts'
import { lotTerms } from '#src/app/lot-terms/item-terms.ts'
import type { PushDependencies } from '#src/app/lot-terms/push-terms.ts'
import { withdrawErrors } from '#src/errors.ts'
import { lockOwnItem } from '#src/infra/postgres/item/items.ts'
import { agreeToWithdrawals, putWithdrawal } from '#src/infra/postgres/listing/withdrawals.ts'

export interface WithdrawCommand {
  itemId: string
  sellerId: string
  reason: string
  trace: Trace
}

/**
 * Withdraws an item for its seller. The bid service decides under the lock of the lot, because a bid
 * may come at the same moment. When it agrees, its bid.closed makes the item cancelled, as every other
 * end does, so a crash between the two leaves nothing unfinished. Withdrawing again changes nothing.
 */
export async function withdrawItem(
  { db, terms }: PushDependencies,
  { itemId, sellerId, reason, trace }: WithdrawCommand,
): Promise<void> {
  const item = await db.transaction().execute(async (tx) => {
    const read = await lockOwnItem(tx, itemId, sellerId)
    if (read === undefined) throw await notFoundOrForbidden(tx, itemId, withdrawErrors.notFound)
    const { status } = read.item
    if (status === 'cancelled') return undefined
    if (status !== 'scheduled' && status !== 'active') throw withdrawErrors.notOpen({ status })
    await putWithdrawal(tx, itemId, reason)
    return read.item
  })
  if (item === undefined) return
  const outcome = await terms.withdraw(lotTerms(item, item, item.termsVersion), trace)
  // Recorded here and again with bid.closed, so a crash in between loses nothing.
  if (outcome === 'cancelled') await agreeToWithdrawals(db, [itemId])
  if (outcome === 'has_bids') throw withdrawErrors.hasBids()
  if (outcome === 'over') throw withdrawErrors.notOpen()
}
