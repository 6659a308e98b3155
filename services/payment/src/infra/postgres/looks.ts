import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** What was taken to be looked at, and how often a look had been wished for by then. */
export interface Taken {
  id: string
  wakes: number
}

/** How the rows of a table come to be looked at: by time, and as soon as something wakes them. */
export function looksOf(name: 'payments' | 'deposits') {
  const table = sql.table(name)
  return {
    /** Takes rows that are to be looked at; they come again after the lease, if the process dies. `only`: those of which it is true. */
    async takeDue(
      db: Kysely<Database>,
      limit: number,
      leaseMs: number,
      only = sql<boolean>`true`,
    ): Promise<Taken[]> {
      const { rows } = await sql<Taken>`
        update ${table} set due_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
        where id in (
          select id from ${table} where due_at <= statement_timestamp() and ${only}
          order by due_at limit ${limit} for update skip locked
        )
        returning id, wakes`.execute(db)
      return rows
    },

    /**
     * Says when a row is looked at next, unless a wish for a look came after `wakes` was read: then at once.
     * Null: only when something wakes it.
     */
    async schedule(
      db: Kysely<Database>,
      { id, wakes }: Taken,
      afterMs: number | null,
      failures: number,
    ): Promise<void> {
      await sql`
        update ${table} set failures = ${failures}, due_at = case
          when wakes <> ${wakes} then clock_timestamp()
          else clock_timestamp() + ${afterMs}::float8 * interval '1 millisecond'
        end
        where id = ${id}`.execute(db)
    },

    /** Has a row looked at now. */
    async wake(db: Kysely<Database>, id: string): Promise<void> {
      await sql`
        update ${table} set wakes = wakes + 1, due_at = clock_timestamp() where id = ${id}`.execute(
        db,
      )
    },
  }
}
