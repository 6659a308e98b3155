import type { Kysely } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  forgetPreviousSecrets,
  purgeDeletedEndpoints,
  purgeMessages,
  purgeMessagesOfDeleted,
} from '#src/infra/postgres/webhooks/webhook-purge.ts'

/** How long the log of deliveries is kept. */
export const RETENTION_DAYS = 30

// Some milliseconds of work each, so that deliveries never wait long.
const BATCH = 1_000
const BATCHES_MAX = 100

/** Deletes messages of more than a month ago, the rests of deleted endpoints, and secrets that are over. */
export async function purgeWebhooks(db: Kysely<Database>, batch = BATCH): Promise<void> {
  while ((await forgetPreviousSecrets(db, batch)) === batch);
  for (let count = 0; count < BATCHES_MAX; count += 1) {
    const old = await purgeMessages(db, RETENTION_DAYS, batch)
    const deleted = await purgeMessagesOfDeleted(db, batch)
    await purgeDeletedEndpoints(db, batch)
    if (old < batch && deleted < batch) return
  }
}
