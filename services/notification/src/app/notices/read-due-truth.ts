import { readClock } from '@auction/common/postgres/clock.ts'
import type { Transaction } from 'kysely'
import { type DeliveryReason, judgeDelivery } from '#src/domain/judge-notice.ts'
import { choiceFor, DEFAULT_CHOICES } from '#src/domain/preferences.ts'
import { type ClaimedDelivery, readDeliveries } from '#src/infra/postgres/notices/deliveries.ts'
import { readChoices } from '#src/infra/postgres/readers/choices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** A delivery with what its message needs, and why it is not sent after all. */
export interface DueTruth extends ClaimedDelivery {
  /** Undefined: it is still true, so it is sent. Otherwise its sender drops it for this reason. */
  readonly reason: DeliveryReason | undefined
}

/**
 * What senders ask inside of the transaction in which they claim deliveries: which of them are still true,
 * the oldest first. Deliveries that are deleted are left out: their users are gone.
 */
export async function readDueTruth(
  tx: Transaction<Database>,
  deliveryIds: readonly string[],
): Promise<DueTruth[]> {
  if (deliveryIds.length === 0) return []
  const deliveries = await readDeliveries(tx, deliveryIds)
  const choices = await readChoices(
    tx,
    deliveries.map(({ userId }) => userId),
  )
  const now = await readClock(tx)
  return deliveries.map((delivery) => {
    const { userId, template, channel } = delivery
    const choice = choiceFor(template, channel, choices.get(userId) ?? DEFAULT_CHOICES)
    return { ...delivery, reason: judgeDelivery({ ...delivery, choice, now }) }
  })
}
