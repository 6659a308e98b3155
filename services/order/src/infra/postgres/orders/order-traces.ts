import { isRecorded } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** In which recorded trace an order changed last, for links; empty: in none. */
export async function readOrderTrace(db: Kysely<Database>, orderId: string): Promise<string[]> {
  const row = await db
    .selectFrom('order_traces')
    .select('traceparent')
    .where('order_id', '=', orderId)
    .executeTakeFirst()
  return row === undefined ? [] : [row.traceparent]
}

/** Orders changed in these traces; those that are not recorded leave what is there. */
export async function putOrderTraces(
  tx: Transaction<Database>,
  changes: readonly { orderId: string; traceparent: string }[],
): Promise<void> {
  const recorded = changes.filter(({ traceparent }) => isRecorded(traceparent))
  if (recorded.length === 0) return
  await tx
    .insertInto('order_traces')
    .values(recorded.map(({ orderId, traceparent }) => ({ order_id: orderId, traceparent })))
    .onConflict((conflict) =>
      conflict
        .column('order_id')
        .doUpdateSet(({ ref }) => ({ traceparent: ref('excluded.traceparent') })),
    )
    .execute()
}
