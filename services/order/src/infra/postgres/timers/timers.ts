import { type Kysely, sql, type Transaction } from 'kysely'
import type { PlannedTimer, TimerKind } from '#src/domain/order-timers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Timer extends PlannedTimer {
  readonly orderId: string
}

/** Sets timers of orders whose lock the caller holds; one that is set already gets the new instant. */
export async function setTimers(
  tx: Transaction<Database>,
  timers: readonly Timer[],
): Promise<void> {
  if (timers.length === 0) return
  await sql`
    insert into timers (order_id, kind, due_at)
    select * from unnest(${timers.map(({ orderId }) => orderId)}::uuid[],
      ${timers.map(({ kind }) => kind)}::text[], ${timers.map(({ dueAt }) => dueAt)}::timestamptz[])
    on conflict (order_id, kind) do update set due_at = excluded.due_at, tries = 0`.execute(tx)
}

/** Ends timers of an order whose lock the caller holds. */
export async function endTimers(
  tx: Transaction<Database>,
  orderId: string,
  kinds: readonly TimerKind[],
): Promise<void> {
  if (kinds.length === 0) return
  await sql`
    delete from timers where order_id = ${orderId} and kind = any(${[...kinds]}::text[])`.execute(
    tx,
  )
}

/** Ends the timers of an order and sets those of its new state; the caller holds its lock. */
export async function replaceTimers(
  tx: Transaction<Database>,
  orderId: string,
  timers: readonly PlannedTimer[],
): Promise<void> {
  await sql`delete from timers where order_id = ${orderId}`.execute(tx)
  await setTimers(
    tx,
    timers.map((timer) => ({ ...timer, orderId })),
  )
}

/** How many seconds are left until time does the next thing with a sent order; null: it does nothing. */
export async function readTimeLeft(
  tx: Transaction<Database>,
  orderId: string,
): Promise<number | null> {
  const { rows } = await sql<{ left: number }>`
    select greatest(ceil(extract(epoch from due_at - clock_timestamp())), 0)::int as left
    from timers where order_id = ${orderId} and kind in ('deliver', 'complete')`.execute(tx)
  return rows[0]?.left ?? null
}

/** Timers whose instant has come, the longest overdue first. */
export async function readDueTimers(db: Kysely<Database>, limit: number): Promise<Timer[]> {
  const { rows } = await sql<Timer>`
    select order_id as "orderId", kind, due_at as "dueAt" from timers
    where due_at <= statement_timestamp() order by due_at limit ${limit}`.execute(db)
  return rows
}

/** Whether a timer is still set and due; the caller holds the lock of its order. */
export async function isDue(tx: Transaction<Database>, { orderId, kind }: Timer): Promise<boolean> {
  const { rows } = await sql`
    select 1 from timers
    where order_id = ${orderId} and kind = ${kind} and due_at <= statement_timestamp()`.execute(tx)
  return rows.length > 0
}

/** Locks the order of a timer; undefined when another worker has it, which then does the work. */
export async function lockOrderOf(tx: Transaction<Database>, { orderId }: Timer): Promise<boolean> {
  const { rows } = await sql`
    select 1 from orders where id = ${orderId} for no key update skip locked`.execute(tx)
  return rows.length > 0
}

/** What is to be done cannot be done yet: a payment of the order is being captured, or a bank decides. */
export async function postponeTimer(
  tx: Transaction<Database>,
  { orderId, kind }: Timer,
): Promise<void> {
  await sql`
    update timers set due_at = clock_timestamp() + interval '1 minute'
    where order_id = ${orderId} and kind = ${kind}`.execute(tx)
}

/** A timer that failed comes again later, each time later, so that it holds up no other. */
export async function postponeFailed(
  db: Kysely<Database>,
  { orderId, kind }: Timer,
): Promise<void> {
  await sql`
    update timers set tries = tries + 1,
      due_at = clock_timestamp() + least(power(2, tries), 60) * interval '1 minute'
    where order_id = ${orderId} and kind = ${kind}`.execute(db)
}

/** By how many seconds the timer that waits longest is late; 0 when none is due. */
export async function readTimerLag(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ lag: number }>`
    select coalesce(greatest(extract(epoch from statement_timestamp() - min(due_at)), 0), 0)::float8 as lag
    from timers`.execute(db)
  return rows[0]?.lag ?? 0
}
