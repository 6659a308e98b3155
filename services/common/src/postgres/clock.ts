import { type Kysely, sql } from 'kysely'

/** The time on the database's clock: the only one that every process agrees on. */
export async function readClock<DB>(db: Kysely<DB>): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('PostgreSQL did not answer the time')
  return row.now
}
