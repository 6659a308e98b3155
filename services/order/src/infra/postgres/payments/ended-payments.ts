import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Far longer than a request of payment may be under way. */
const KEPT_DAYS = 30

/** Records that a payment is over without money, whichever of its orders the event is about. */
export async function recordEndedPayment(
  tx: Transaction<Database>,
  paymentId: string,
): Promise<void> {
  await sql`
    insert into ended_payments (payment_id) values (${paymentId})
    on conflict (payment_id) do nothing`.execute(tx)
}

export async function hasPaymentEnded(
  tx: Transaction<Database>,
  paymentId: string,
): Promise<boolean> {
  const { rows } = await sql`
    select 1 from ended_payments where payment_id = ${paymentId}`.execute(tx)
  return rows.length > 0
}

/** Deletes some of which no claim comes any more; answers how many. */
export async function purgeEndedPayments(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from ended_payments where payment_id in (
      select payment_id from ended_payments
       where ended_at < statement_timestamp() - make_interval(days => ${KEPT_DAYS})
       order by ended_at limit ${limit}
       for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}
