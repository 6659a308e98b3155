import { type Kysely, sql, type Transaction } from 'kysely'
import { TEMPLATES } from '#src/domain/notices.ts'
import type { DeliveryEnd } from '#src/domain/push-outcome.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const now = sql<Date>`clock_timestamp()`

/** Locks deliveries that are due; another worker passes over them. */
export async function lockDuePushes(tx: Transaction<Database>, limit: number): Promise<string[]> {
  // A version that is newer than this one may have other templates; they are left to it.
  const { rows } = await sql<{ id: string }>`
    select delivery.id from deliveries as delivery
    where delivery.channel = 'push' and delivery.state = 'queued'
      and delivery.due_at <= statement_timestamp()
      and (select template from notices where id = delivery.notice_id) = any(${[...TEMPLATES]})
    order by delivery.due_at limit ${limit}
    for update of delivery skip locked`.execute(tx)
  return rows.map(({ id }) => id)
}

/** They are being sent; answers how often each was tried, this time included. */
export async function startPushes(
  tx: Transaction<Database>,
  ids: readonly string[],
): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map()
  const rows = await tx
    .updateTable('deliveries')
    .set({ state: 'sending', tries: sql`tries + 1`, changed_at: now })
    .where('id', 'in', [...ids])
    .returning(['id', 'tries'])
    .execute()
  return new Map(rows.map(({ id, tries }) => [id, tries]))
}

/** How a delivery ended. It may be known after the lease of its process is over. */
export async function endPush(db: Kysely<Database>, id: string, end: DeliveryEnd): Promise<void> {
  const seconds = end.state === 'queued' ? end.retryInSeconds : 0
  await db
    .updateTable('deliveries')
    .set({ state: end.state, reason: 'reason' in end ? end.reason : null, changed_at: now })
    .$if(end.state === 'queued', (query) =>
      query.set({ due_at: sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})` }),
    )
    .where('id', '=', id)
    // One of unknown outcome is not queued again: that is decided.
    .where('state', 'in', end.state === 'queued' ? ['sending'] : ['sending', 'unknown'])
    .execute()
}

/** Those whose process ended while it sent them: no one can know, and notices are not sent twice. */
export async function abandonPushes(db: Kysely<Database>, leaseSeconds: number): Promise<number> {
  const { numAffectedRows } = await sql`
    update deliveries set state = 'unknown', reason = 'no_answer', changed_at = clock_timestamp()
    where channel = 'push' and state = 'sending'
      and changed_at < statement_timestamp() - make_interval(secs => ${leaseSeconds})`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** How long the oldest delivery that is due has waited, in seconds. */
export async function readPushLag(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    select extract(epoch from statement_timestamp() - due_at)::float8 as seconds from deliveries
    where channel = 'push' and state = 'queued' and due_at <= statement_timestamp()
    order by due_at limit 1`.execute(db)
  return rows[0]?.seconds ?? 0
}
