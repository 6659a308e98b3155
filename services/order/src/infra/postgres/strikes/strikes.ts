import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Locks the strikes of a user until the commit and answers the next number of their events. */
export async function nextStrikeSequence(
  tx: Transaction<Database>,
  userId: string,
): Promise<number> {
  const { rows } = await sql<{ sequence: number }>`
    insert into strike_counters as counter (user_id, sequence) values (${userId}, 1)
    on conflict (user_id) do update set sequence = counter.sequence + 1
    returning sequence::int as sequence`.execute(tx)
  const [row] = rows
  if (row === undefined) throw new Error('PostgreSQL answered no strike counter')
  return row.sequence
}

/** Records a strike; false when the order has brought one already. */
export async function insertStrike(
  tx: Transaction<Database>,
  strike: { orderId: string; userId: string; at: Date },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into strikes (order_id, user_id, recorded_at)
    values (${strike.orderId}, ${strike.userId}, ${strike.at})
    on conflict (order_id) do nothing`.execute(tx)
  return numAffectedRows === 1n
}

/** Records until when a strike suspends its buyer. */
export async function setSuspendedUntil(
  tx: Transaction<Database>,
  orderId: string,
  until: Date,
): Promise<void> {
  await sql`update strikes set suspended_until = ${until} where order_id = ${orderId}`.execute(tx)
}

/** What the strikes of a user that still count suspend until; undefined: nothing. */
export async function readSuspendedUntil(
  db: Kysely<Database>,
  userId: string,
  since: Date,
): Promise<Date | undefined> {
  const { rows } = await sql<{ until: Date | null }>`
    select max(suspended_until) as until from strikes
    where user_id = ${userId} and redeemed_at is null and recorded_at > ${since}`.execute(db)
  return rows[0]?.until ?? undefined
}

/** Whether an order has brought a strike, and whether that still counts. */
export async function readStrike(
  db: Kysely<Database>,
  orderId: string,
): Promise<'counted' | 'redeemed' | undefined> {
  const { rows } = await sql<{ strike: 'counted' | 'redeemed' }>`
    select case when redeemed_at is null then 'counted' else 'redeemed' end as strike
    from strikes where order_id = ${orderId}`.execute(db)
  return rows[0]?.strike
}

/** Redeems the strike of an order; false when it has none that counts. */
export async function redeemStrike(
  tx: Transaction<Database>,
  orderId: string,
  at: Date,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update strikes set redeemed_at = ${at}
    where order_id = ${orderId} and redeemed_at is null`.execute(tx)
  return numAffectedRows === 1n
}

/** How many strikes since an instant count at present. */
export async function countStrikes(
  db: Kysely<Database>,
  userId: string,
  since: Date,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from strikes
    where user_id = ${userId} and redeemed_at is null and recorded_at > ${since}`.execute(db)
  return rows[0]?.count ?? 0
}
