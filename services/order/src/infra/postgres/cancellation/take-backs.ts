import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** That bid is asked for the unit of an order, which is to be reopened with this number. */
export interface TakeBack {
  readonly orderId: string
  readonly sequence: number
}

// Far longer than a request waits for bid.
const PATIENCE = sql`interval '15 seconds'`

/** Records the intent, or that it is meant again; the caller holds the lock of the order. */
export async function insertTakeBack(
  tx: Transaction<Database>,
  { orderId, sequence }: TakeBack,
): Promise<void> {
  await sql`
    insert into take_backs (order_id, sequence, due_at)
    values (${orderId}, ${sequence}, clock_timestamp() + ${PATIENCE})
    on conflict (order_id, sequence) do update set due_at = excluded.due_at`.execute(tx)
}

/** Deletes an intent; false when it is gone already. */
export async function deleteTakeBack(
  db: Kysely<Database> | Transaction<Database>,
  { orderId, sequence }: TakeBack,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('take_backs')
    .where('order_id', '=', orderId)
    .where('sequence', '=', BigInt(sequence))
    .executeTakeFirst()
  return numDeletedRows === 1n
}

/** Whether an intent is still there, and whether it is given up; the caller holds the lock of the order. */
export async function readTakeBack(
  tx: Transaction<Database>,
  { orderId, sequence }: TakeBack,
): Promise<{ isGivenUp: boolean } | undefined> {
  const { rows } = await sql<{ isGivenUp: boolean }>`
    select given_up_at is not null as "isGivenUp" from take_backs
    where order_id = ${orderId} and sequence = ${sequence}`.execute(tx)
  return rows[0]
}

/** Records that an order is not reopened with this number; the caller holds its lock. */
export async function markGivenUp(
  tx: Transaction<Database>,
  { orderId, sequence }: TakeBack,
): Promise<void> {
  await sql`
    update take_backs set given_up_at = clock_timestamp()
    where order_id = ${orderId} and sequence = ${sequence}`.execute(tx)
}

/** Intents that nothing came of, the oldest first; kept from other workers for a minute. */
export async function takeDueTakeBacks(db: Kysely<Database>, limit: number): Promise<TakeBack[]> {
  const { rows } = await sql<TakeBack>`
    with due as (
      select order_id, sequence from take_backs where due_at <= statement_timestamp()
      order by due_at limit ${limit} for update skip locked
    )
    update take_backs set due_at = clock_timestamp() + interval '1 minute'
    from due where take_backs.order_id = due.order_id and take_backs.sequence = due.sequence
    returning take_backs.order_id as "orderId", take_backs.sequence::float8 as sequence`.execute(db)
  return rows
}
