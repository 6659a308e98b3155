import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface NewProviderEvent {
  provider: string
  eventId: string
  kind: string
  references: readonly string[]
  paymentId: string | undefined
  /** orphan: it is about a payment that is not known yet. ignored: about nothing of ours. */
  state: 'taken' | 'orphan' | 'ignored'
  body: Buffer
}

/** Records a report once. False: it was here before. */
export async function insertProviderEvent(
  db: Kysely<Database>,
  event: NewProviderEvent,
): Promise<boolean> {
  const { rows } = await sql`
    insert into provider_events (provider, event_id, kind, "references", state, payment_id, body)
    values (
      ${event.provider}, ${event.eventId}, ${event.kind}, ${event.references}::text[],
      ${event.state}, ${event.paymentId ?? null}, ${event.body}
    )
    on conflict (provider, event_id) do nothing
    returning event_id`.execute(db)
  return rows.length === 1
}

/** Reports whose payment was not known when they came. */
export async function readOrphans(
  db: Kysely<Database>,
  limit: number,
): Promise<{ provider: string; eventId: string; references: string[] }[]> {
  return db
    .selectFrom('provider_events')
    .select(['provider', 'event_id as eventId', 'references'])
    .where('state', '=', 'orphan')
    .orderBy('received_at')
    .limit(limit)
    .execute()
}

export async function takeOrphan(
  db: Kysely<Database>,
  { provider, eventId }: { provider: string; eventId: string },
  /** Null: it is about a deposit. */
  paymentId: string | null,
): Promise<void> {
  await db
    .updateTable('provider_events')
    .set({ state: 'taken', payment_id: paymentId })
    .where('provider', '=', provider)
    .where('event_id', '=', eventId)
    .execute()
}

/** Deletes reports that are older than `days`, in batches; what is an orphan stays until an operator looked. */
export async function purgeProviderEvents(
  db: Kysely<Database>,
  days: number,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from provider_events where (provider, event_id) in (
      select provider, event_id from provider_events
      where received_at < statement_timestamp() - ${days} * interval '1 day' and state <> 'orphan'
      order by received_at limit ${limit}
    )`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
