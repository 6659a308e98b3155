import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { EndpointHealth, FailureVerdict } from '#src/domain/webhook-health.ts'
import type { Allotment, Candidate } from '#src/domain/webhook-slots.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// Instants are compared with the time of the statement: only that is the same for all rows, so an index can be used.

/**
 * The endpoints that have messages in a state, by one look into its index for each endpoint, however many
 * messages wait.
 */
const endpointsWith = (state: RawBuilder<unknown>) => sql`
  waiting (endpoint_id) as (
    (select endpoint_id from webhook_messages where state = ${state} order by endpoint_id limit 1)
    union all
    select (select endpoint_id from webhook_messages
      where state = ${state} and endpoint_id > waiting.endpoint_id order by endpoint_id limit 1)
    from waiting where waiting.endpoint_id is not null
  )`

const QUEUED = sql.lit('queued')

/**
 * Locks endpoints that have something due, in any order, so that none is always served first. Another worker
 * passes over them until the commit.
 */
export async function lockDueEndpoints(
  tx: Transaction<Database>,
  { limit, withSlow }: { limit: number; withSlow: boolean },
): Promise<Candidate[]> {
  const { rows } = await sql<Candidate>`
    with recursive ${endpointsWith(QUEUED)}
    select endpoint.id as "endpointId", endpoint.is_slow as "isSlow",
      (select count(*)::int from webhook_messages
        where endpoint_id = endpoint.id and state = 'sending') as sending,
      floor(least(1, extract(epoch from clock_timestamp() - endpoint.unspent_since))
        * endpoint.rate_per_second)::int as allowance
    from waiting
    join webhook_endpoints as endpoint on endpoint.id = waiting.endpoint_id
    cross join lateral (
      select from webhook_messages as message
      where message.endpoint_id = waiting.endpoint_id and message.state = 'queued'
        and message.due_at <= statement_timestamp()
      order by message.due_at limit 1
    ) as due
    where endpoint.state = 'active' and (${withSlow} or not endpoint.is_slow)
    order by random() limit ${limit}
    for no key update of endpoint skip locked`.execute(tx)
  return rows
}

export interface ClaimedMessage {
  id: string
  endpointId: string
  eventType: string
  payload: string
  tries: number
  /** Which attempt of all this is: only its own claim may record an outcome. */
  attempt: number
}

/** Marks the messages that are due first as being sent. */
export async function claimMessages(
  tx: Transaction<Database>,
  allotments: readonly Allotment[],
): Promise<ClaimedMessage[]> {
  const { rows } = await sql<ClaimedMessage>`
    update webhook_messages as message
    set state = 'sending', tries = message.tries + 1, attempts = message.attempts + 1,
      changed_at = clock_timestamp()
    from (
      select due.id
      from unnest(${allotments.map(({ endpointId }) => endpointId)}::uuid[],
        ${allotments.map(({ count }) => count)}::int[]) as allotted (endpoint_id, count)
      cross join lateral (
        select id from webhook_messages
        where endpoint_id = allotted.endpoint_id and state = 'queued' and due_at <= statement_timestamp()
        order by due_at limit allotted.count for update skip locked
      ) as due
    ) as due
    where message.id = due.id
    returning message.id, message.endpoint_id as "endpointId", message.event_type as "eventType",
      message.payload, message.tries, message.attempts as attempt`.execute(tx)
  return rows
}

export interface ClaimedEndpoint {
  id: string
  userId: string
  url: string
  isSlow: boolean
  sealedSecret: Buffer
  /** As long as it signs as well. */
  sealedPreviousSecret: Buffer | null
}

/** Takes what was claimed from the rates of its endpoints, and reads what sending to them needs. */
export async function spendRates(
  tx: Transaction<Database>,
  claimed: readonly Allotment[],
): Promise<ClaimedEndpoint[]> {
  const { rows } = await sql<ClaimedEndpoint>`
    update webhook_endpoints as endpoint
    set unspent_since = greatest(endpoint.unspent_since, clock_timestamp() - interval '1 second')
      + spent.count * interval '1 second' / endpoint.rate_per_second
    from unnest(${claimed.map(({ endpointId }) => endpointId)}::uuid[],
      ${claimed.map(({ count }) => count)}::int[]) as spent (endpoint_id, count)
    where endpoint.id = spent.endpoint_id
    returning endpoint.id, endpoint.user_id as "userId", endpoint.url, endpoint.is_slow as "isSlow",
      endpoint.sealed_secret as "sealedSecret",
      case when statement_timestamp() < endpoint.previous_secret_until then endpoint.sealed_previous_secret end
        as "sealedPreviousSecret"`.execute(tx)
  return rows
}

export interface Attempt {
  messageId: string
  attempt: number
  startedAt: Date
  milliseconds: number
  status: number | null
  error: string | null
  answer: string | null
}

/** Adds an attempt to the log of its message. */
export async function insertAttempt(
  tx: Transaction<Database>,
  { messageId, attempt, startedAt, milliseconds, status, error, answer }: Attempt,
): Promise<void> {
  await sql`
    insert into webhook_attempts (message_id, attempt, started_at, milliseconds, status, error, answer)
    select id, ${attempt}, ${startedAt}, ${milliseconds}, ${status}::smallint, ${error}, ${answer}
    from webhook_messages where id = ${messageId}
    on conflict do nothing`.execute(tx)
}

export interface LockedEndpoint extends EndpointHealth {
  userId: string
  url: string
  state: string
  now: Date
}

/** The endpoint of a message, locked; its clock decides. */
export async function lockEndpoint(
  tx: Transaction<Database>,
  id: string,
): Promise<LockedEndpoint | undefined> {
  return tx
    .selectFrom('webhook_endpoints')
    .select(['user_id as userId', 'url', 'state'])
    .select(['first_failure_at as firstFailureAt', 'warned_at as warnedAt'])
    .select(sql<Date>`clock_timestamp()`.as('now'))
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** Ends the claim of an attempt; false when another claim has the message by now. */
export async function settleMessage(
  tx: Transaction<Database>,
  { id, attempt }: { id: string; attempt: number },
  outcome: 'delivered' | 'failed' | { retryInSeconds: number },
): Promise<boolean> {
  const state = typeof outcome === 'string' ? outcome : 'queued'
  const seconds = typeof outcome === 'string' ? 0 : outcome.retryInSeconds
  const { numUpdatedRows } = await tx
    .updateTable('webhook_messages')
    .set({
      state,
      due_at: sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})`,
      changed_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', id)
    .where('state', '=', 'sending')
    .where('attempts', '=', attempt)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** A success ends all that is known of failures. */
export async function recordSuccess(
  tx: Transaction<Database>,
  id: string,
  isSlow: boolean,
): Promise<void> {
  await tx
    .updateTable('webhook_endpoints')
    .set({
      first_failure_at: null,
      warned_at: null,
      is_slow: isSlow,
      last_success_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', id)
    .execute()
}

/** Records a failure and what it means. */
export async function recordFailure(
  tx: Transaction<Database>,
  id: string,
  { firstFailureAt, warnedAt, disabledReason }: FailureVerdict,
): Promise<void> {
  await tx
    .updateTable('webhook_endpoints')
    .set({ first_failure_at: firstFailureAt, warned_at: warnedAt, is_slow: true })
    .$if(disabledReason !== undefined, (query) =>
      query.set({
        state: 'disabled',
        disabled_reason: disabledReason ?? null,
        changed_at: sql<Date>`clock_timestamp()`,
      }),
    )
    .where('id', '=', id)
    .execute()
}

/**
 * Queues a batch of messages again whose sending was interrupted, as by the end of their process; returns how
 * many. Whether they arrived is not known, so they are sent again, and this is no attempt of the schedule.
 */
export async function requeueInterrupted(
  db: Kysely<Database>,
  leaseSeconds: number,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    update webhook_messages
    set state = 'queued', tries = greatest(tries - 1, 0), due_at = clock_timestamp(), changed_at = clock_timestamp()
    where id in (
      select id from webhook_messages
      where state = 'sending' and changed_at < statement_timestamp() - make_interval(secs => ${leaseSeconds})
      order by changed_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** Fails a batch of the messages that wait for endpoints which are sent nothing any more; returns how many. */
export async function failAbandoned(db: Kysely<Database>, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    with recursive ${endpointsWith(QUEUED)}
    update webhook_messages set state = 'failed', changed_at = clock_timestamp()
    where id in (
      select message.id from waiting
      join webhook_endpoints as endpoint on endpoint.id = waiting.endpoint_id
      join webhook_messages as message on message.endpoint_id = endpoint.id
      where endpoint.state in ('disabled', 'deleted') and message.state = 'queued'
      limit ${limit} for update of message skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

export interface QueueState {
  /** Of the endpoints that neither fail nor are slow, the longest wait of one that its rate would let go. */
  lagSeconds: number
  endpoints: { state: string; count: number }[]
  /** Users with active endpoints, and those of whom one fails. */
  owners: { active: number; failing: number }
}

/** How late deliveries are, and how many endpoints there are in each state. */
export async function readQueueState(db: Kysely<Database>): Promise<QueueState> {
  const lag = await sql<{ seconds: number }>`
    with recursive ${endpointsWith(QUEUED)}
    select coalesce(max(extract(epoch from clock_timestamp()
      - greatest(due.due_at, endpoint.unspent_since))), 0)::float8 as seconds
    from waiting
    join webhook_endpoints as endpoint on endpoint.id = waiting.endpoint_id
    cross join lateral (
      select due_at from webhook_messages as message
      where message.endpoint_id = waiting.endpoint_id and message.state = 'queued'
        and message.due_at <= statement_timestamp()
      order by message.due_at limit 1
    ) as due
    where endpoint.state = 'active' and not endpoint.is_slow`.execute(db)
  const endpoints = await db
    .selectFrom('webhook_endpoints')
    .select((eb) => [
      sql<string>`case when state = 'active' and first_failure_at is not null then 'failing' else state end`.as(
        'state',
      ),
      eb.cast<number>(eb.fn.countAll(), 'integer').as('count'),
    ])
    .where('state', '<>', 'deleted')
    .groupBy(sql`1`)
    .execute()
  const owners = await sql<QueueState['owners']>`
    select count(distinct user_id)::int as active,
      (count(distinct user_id) filter (where first_failure_at is not null))::int as failing
    from webhook_endpoints where state = 'active'`.execute(db)
  return {
    lagSeconds: lag.rows[0]?.seconds ?? 0,
    endpoints,
    owners: owners.rows[0] ?? { active: 0, failing: 0 },
  }
}
