import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import { isRecorded } from '@auction/common/telemetry/tracing.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from './schema.ts'

export interface LotTrace {
  itemId: string
  sequence: number
  traceparent: string
}

/** Of the bids among these events, those whose traces are recorded; of one lot the last. */
export function recordedTraces(events: readonly OutboxEvent[]): LotTrace[] {
  const last = new Map<string, LotTrace>()
  for (const { key, aggregateId: itemId, traceparent, envelope } of events) {
    if (key !== 'bid.placed.v1' || traceparent === undefined || !isRecorded(traceparent)) continue
    last.set(itemId, { itemId, sequence: envelope.sequence ?? 0, traceparent })
  }
  return [...last.values()]
}

/** Keeps the traces of bids for the closing of their lots, of those that are still open. In id order, as all that write them. */
export async function putLotTraces(db: Kysely<Database>, traces: LotTrace[]): Promise<void> {
  await sql`
    insert into lot_traces (item_id, sequence, traceparent)
    select recorded.* from unnest(${traces.map(({ itemId }) => itemId)}::uuid[],
      ${traces.map(({ sequence }) => sequence)}::bigint[], ${traces.map(({ traceparent }) => traceparent)}::text[])
      as recorded(item_id, sequence, traceparent)
    where exists (select 1 from lots where lots.item_id = recorded.item_id and lots.phase = 'open')
    order by recorded.item_id
    on conflict (item_id) do update set sequence = excluded.sequence, traceparent = excluded.traceparent
    where lot_traces.sequence < excluded.sequence`.execute(db)
}

/** The traces of lots that are closed now. */
export async function takeLotTraces(
  tx: Transaction<Database>,
  itemIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (itemIds.length === 0) return new Map()
  const { rows } = await sql<Pick<LotTrace, 'itemId' | 'traceparent'>>`
    with known as materialized (
      select item_id from lot_traces where item_id = any(${[...itemIds]}::uuid[]) order by item_id for update
    )
    delete from lot_traces where item_id in (select item_id from known)
    returning item_id as "itemId", traceparent`.execute(tx)
  return new Map(rows.map(({ itemId, traceparent }) => [itemId, traceparent]))
}
