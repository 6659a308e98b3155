import { ownTrace } from '@auction/common/tracing.ts'
import type { Kysely } from 'kysely'
import {
  deleteDraftsOf,
  forgetReviewsOf,
  postponeDeparted,
  takeDeparted,
} from '#src/infra/postgres/departed-users.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { ItemEvents } from './item-events.ts'

const DRAFTS_BATCH = 100
const BATCHES_MAX = 50

export interface ForgetDependencies {
  db: Kysely<Database>
  events: ItemEvents
}

/**
 * Deletes what people who left never showed to anybody, their drafts with the pictures, and what was
 * noted about them for moderators. It is done again a day later, when nothing of theirs can be on its
 * way any more. What was public stays, by the account's id. Returns how many drafts went.
 */
export async function forgetDeparted(
  { db, events }: ForgetDependencies,
  batch = DRAFTS_BATCH,
): Promise<number> {
  let deleted = 0
  for (let count = 0; count < BATCHES_MAX; count += 1) {
    const drafts = await db.transaction().execute(async (tx) => {
      const userId = await takeDeparted(tx)
      if (userId === undefined) return undefined
      const gone = await deleteDraftsOf(tx, userId, batch)
      for (const read of gone) {
        // The row is gone, so the number of its last event is counted here.
        const last = { ...read, eventSequence: read.eventSequence + 1n }
        await events.emit(tx, last, ownTrace('forget departed'), [{ kind: 'deleted' }])
      }
      await forgetReviewsOf(tx, userId)
      await postponeDeparted(tx, userId, gone.length === batch)
      return gone.length
    })
    if (drafts === undefined) break
    if (drafts > 0) events.committed()
    deleted += drafts
  }
  return deleted
}
