import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { startDueItems } from '#src/infra/postgres/listing/due-items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const BATCH_MAX = 200

export interface StartDependencies {
  db: Kysely<Database>
  events: ItemEvents
}

/** Makes scheduled items active when their start has come. Returns how many. */
export async function startItems({ db, events }: StartDependencies): Promise<number> {
  return outboxTransaction(db, async (tx) => {
    const items = await startDueItems(tx, BATCH_MAX)
    for (const read of items)
      await events.emit(tx, read, ownTrace('start item'), [{ kind: 'started' }])
    return items.length
  })
}
