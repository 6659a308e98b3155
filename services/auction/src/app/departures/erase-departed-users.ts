import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import {
  deleteReviewsOf,
  retryErasureLater,
  scheduleNextErasure,
  takeDepartedUser,
} from '#src/infra/postgres/departures/departed-users.ts'
import { deleteDraftsOf } from '#src/infra/postgres/item/items.ts'
import { forgetPlansOf } from '#src/infra/postgres/relisting/relists.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const DRAFTS_BATCH = 100
const BATCHES_MAX = 50

export interface EraseDependencies {
  db: Kysely<Database>
  events: ItemEvents
}

/**
 * Deletes the drafts, images and moderation notes of deleted accounts. Runs again a day later, for
 * events that came late. What was public stays, under the account's id. Returns how many drafts were
 * deleted. Throws the first failure when the other accounts are done.
 */
export async function eraseDepartedUsers(
  { db, events }: EraseDependencies,
  batch = DRAFTS_BATCH,
): Promise<number> {
  let deleted = 0
  const failures: unknown[] = []
  for (let count = 0; count < BATCHES_MAX; count += 1) {
    const drafts = await eraseNext({ db, events }, batch, failures)
    if (drafts === undefined) break
    deleted += drafts
  }
  if (failures.length > 0) throw failures[0]
  return deleted
}

/** How many drafts of the next account were deleted; undefined when none is due. */
async function eraseNext(
  { db, events }: EraseDependencies,
  batch: number,
  failures: unknown[],
): Promise<number | undefined> {
  let userId: string | undefined
  try {
    return await outboxTransaction(db, async (tx) => {
      userId = await takeDepartedUser(tx)
      return userId === undefined ? undefined : erase(tx, events, userId, batch)
    })
  } catch (error) {
    if (userId === undefined) throw error
    await retryErasureLater(db, userId)
    failures.push(error)
    return 0
  }
}

async function erase(
  tx: Transaction<Database>,
  events: ItemEvents,
  userId: string,
  batch: number,
): Promise<number> {
  const gone = await deleteDraftsOf(tx, userId, batch)
  for (const read of gone) {
    // The row is deleted, so the sequence of its last event is counted here.
    const last = { ...read, eventSequence: read.eventSequence + 1n }
    await events.emit(tx, last, ownTrace('erase departed users'), [{ kind: 'deleted' }])
  }
  await deleteReviewsOf(tx, userId)
  await forgetPlansOf(tx, userId)
  await scheduleNextErasure(tx, userId, gone.length === batch)
  return gone.length
}
