import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Takes a comparison that is due; it comes again after the lease, if the process dies. Undefined: it is not due. */
export async function takeReconciliation(
  db: Kysely<Database>,
  provider: string,
  leaseMs: number,
): Promise<{ comparedTo: Date | null; now: Date } | undefined> {
  await db
    .insertInto('reconciliations')
    .values({ provider })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const { rows } = await sql<{ comparedTo: Date | null; now: Date }>`
    update reconciliations set due_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
    where provider = ${provider} and due_at <= statement_timestamp()
    returning compared_to as "comparedTo", clock_timestamp() as now`.execute(db)
  return rows[0]
}

/** Records how it went; the next is at two o'clock of UTC. */
export async function endReconciliation(
  db: Kysely<Database>,
  provider: string,
  end: {
    comparedTo: Date
    charges: number
    payments: number
    transfers: number
    differences: number
  },
): Promise<void> {
  const { comparedTo, charges, payments, transfers, differences } = end
  await sql`
    update reconciliations set
      compared_to = ${comparedTo}, ended_at = clock_timestamp(),
      charges = ${charges}, payments = ${payments}, transfers = ${transfers}, differences = ${differences},
      due_at = date_trunc('day', clock_timestamp() - interval '2 hours', 'UTC') + interval '26 hours'
    where provider = ${provider}`.execute(db)
}

/** It did not end: it is tried again. */
export async function postponeReconciliation(
  db: Kysely<Database>,
  provider: string,
  afterMs: number,
): Promise<void> {
  await sql`
    update reconciliations set due_at = clock_timestamp() + ${afterMs} * interval '1 millisecond'
    where provider = ${provider}`.execute(db)
}
