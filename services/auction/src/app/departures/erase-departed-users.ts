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
import type { Database } from '#src/infra/postgres/schema.ts'

const DRAFTS_BATCH = 100
const BATCHES_MAX = 50

export interface ForgetDependencies {
  db: Kysely<Database>
  events: ItemEvents
}

/**
 * Deletes what people who left never showed to anybody, their drafts with the pictures, and what was
 * noted about them for moderators. It is done again a day later, when nothing of theirs can be on its
 * way any more. What was public stays, by the account's id. Returns how many drafts went. Throws what
 * failed when the others are done.
 */
export async function eraseDepartedUsers(
  { db, events }: ForgetDependencies,
  batch = DRAFTS_BATCH,
): Promise<number> {
  let deleted = 0
  const failures: unknown[] = []
  for (let count = 0; count < BATCHES_MAX; count += 1) {
    const drafts = await forgetNext({ db, events }, batch, failures)
    if (drafts === undefined) break
    deleted += drafts
  }
  if (failures.length > 0) throw failures[0]
  return deleted
}

/** How many drafts of somebody's went; undefined when nobody is due. Who fails stands aside. */
async function forgetNext(
  { db, events }: ForgetDependencies,
  batch: number,
  failures: unknown[],
): Promise<number | undefined> {
  let userId: string | undefined
  try {
    return await outboxTransaction(db, async (tx) => {
      userId = await takeDepartedUser(tx)
      return userId === undefined ? undefined : forget(tx, events, userId, batch)
    })
  } catch (error) {
    if (userId === undefined) throw error
    await retryErasureLater(db, userId)
    failures.push(error)
    return 0
  }
}

async function forget(
  tx: Transaction<Database>,
  events: ItemEvents,
  userId: string,
  batch: number,
): Promise<number> {
  const gone = await deleteDraftsOf(tx, userId, batch)
  for (const read of gone) {
    // The row is gone, so the number of its last event is counted here.
    const last = { ...read, eventSequence: read.eventSequence + 1n }
    await events.emit(tx, last, ownTrace('erase departed users'), [{ kind: 'deleted' }])
  }
  await deleteReviewsOf(tx, userId)
  await scheduleNextErasure(tx, userId, gone.length === batch)
  return gone.length
}
