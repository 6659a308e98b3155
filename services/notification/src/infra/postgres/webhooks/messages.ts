import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface NewMessage {
  id: string
  endpointId: string
  eventType: string
  payload: string
}

/** Queues messages; they are sent after the commit. */
export async function insertMessages(
  db: Kysely<Database>,
  messages: readonly NewMessage[],
): Promise<void> {
  if (messages.length === 0) return
  await sql`
    insert into webhook_messages (id, endpoint_id, event_type, payload)
    select * from unnest(${messages.map(({ id }) => id)}::uuid[],
      ${messages.map(({ endpointId }) => endpointId)}::uuid[],
      ${messages.map(({ eventType }) => eventType)}::text[],
      ${messages.map(({ payload }) => payload)}::text[])`.execute(db)
}

/** How many tests an endpoint was sent within so many seconds, at most `limit`. */
export async function countTests(
  db: Kysely<Database>,
  endpointId: string,
  { seconds, limit }: { seconds: number; limit: number },
): Promise<number> {
  // The type is written out: only so the planner knows that the partial index has the rows.
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (
      select from webhook_messages
      where endpoint_id = ${endpointId} and event_type = 'test.v1'
        and created_at > statement_timestamp() - make_interval(secs => ${seconds})
      limit ${limit}) as recent`.execute(db)
  return rows[0]?.count ?? 0
}

export type MessageState = 'queued' | 'sending' | 'delivered' | 'failed'

export interface LoggedAttempt {
  attempt: number
  startedAt: Date
  milliseconds: number
  status: number | null
  error: string | null
  answer: string | null
}

export interface LoggedMessage {
  id: string
  eventType: string
  payload: string
  state: MessageState
  dueAt: Date
  createdAt: Date
  attempts: LoggedAttempt[]
}

/** Messages of an endpoint with their latest attempts, the newest first. */
export async function readMessages(
  db: Kysely<Database>,
  endpointId: string,
  {
    before,
    limit,
    attemptsMax,
  }: { before: string | undefined; limit: number; attemptsMax: number },
): Promise<LoggedMessage[]> {
  const messages = await db
    .selectFrom('webhook_messages')
    .select(['id', 'event_type as eventType', 'payload', 'state'])
    .select(['due_at as dueAt', 'created_at as createdAt'])
    .where('endpoint_id', '=', endpointId)
    .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  const { rows } = await sql<LoggedAttempt & { messageId: string }>`
    select message.id as "messageId", latest.attempt, latest.started_at as "startedAt", latest.milliseconds,
      latest.status, latest.error, latest.answer
    from unnest(${messages.map(({ id }) => id)}::uuid[]) as message (id)
    cross join lateral (
      select * from webhook_attempts where message_id = message.id order by attempt desc limit ${attemptsMax}
    ) as latest
    order by latest.attempt`.execute(db)
  const attempts = Map.groupBy(rows, ({ messageId }) => messageId)
  return messages.map((message) => ({
    ...message,
    state: message.state as MessageState,
    attempts: attempts.get(message.id) ?? [],
  }))
}

export type ReplayOutcome = 'queued' | 'in_progress' | 'not_found'

/** Queues a message of this endpoint again, from the start of the schedule. */
export async function replayMessage(
  db: Kysely<Database>,
  endpointId: string,
  messageId: string,
): Promise<ReplayOutcome> {
  const { rows } = await sql<{ isQueued: boolean }>`
    with found as (
      select id, state from webhook_messages where id = ${messageId} and endpoint_id = ${endpointId} for update
    ), queued as (
      update webhook_messages as message
      set state = 'queued', tries = 0, due_at = clock_timestamp(), changed_at = clock_timestamp()
      from found where message.id = found.id and found.state <> 'sending' returning message.id
    )
    select exists (select from queued) as "isQueued" from found`.execute(db)
  const [found] = rows
  if (found === undefined) return 'not_found'
  return found.isQueued ? 'queued' : 'in_progress'
}

/** Queues the failed messages of this endpoint again that are not older than `since`, the oldest first. */
export async function replayFailed(
  db: Kysely<Database>,
  endpointId: string,
  since: Date,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    update webhook_messages
    set state = 'queued', tries = 0, due_at = clock_timestamp(), changed_at = clock_timestamp()
    where id in (
      select id from webhook_messages
      where endpoint_id = ${endpointId} and state = 'failed' and created_at >= ${since}
      order by created_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
