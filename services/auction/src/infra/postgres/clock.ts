import { sql } from 'kysely'
import type { Executor } from '#src/infra/postgres/item/items.ts'

/** The time on the database's clock: the only one that every process agrees on. */
export async function readClock(db: Executor): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('PostgreSQL told no time')
  return row.now
}
