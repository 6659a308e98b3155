import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { serviceMigrations } from '@auction/common/postgres/migrate.ts'
import { createTestDatabase } from '@auction/common/testing/database.ts'
import t from 'tap'
import { servicesWithDatabase } from '#src/database-types.ts'

const SERVICES = fileURLToPath(new URL('../../services', import.meta.url))

/** Rows that are never looked for by what they belong to, and why that stays so. */
const NEVER_LOOKED_FOR: Record<string, string> = {
  'payment invoices.corrects': 'a credit note is found by its order; invoices stay',
  'payment owed_refunds.payment_id': 'a partial index has those that are open; payments stay',
  'payment payment_differences.payment_id': 'found by provider and reference; payments stay',
  'payment payment_differences.payout_id': 'found by provider and reference; payouts stay',
  'payment provider_events.payment_id': 'found by provider and event; payments stay',
  'payment sales.commission_rate_id': 'a sale names its rate; rates stay',
}

// A column that leads an index of all of its rows, or of all that have a value.
const UNINDEXED = `
  select conrelid::regclass::text || '.' || attname as column
  from pg_constraint
  join pg_attribute on attrelid = conrelid and attnum = conkey[1]
  where contype = 'f' and conparentid = 0 and not exists (
    select from pg_index
    where indrelid = conrelid and indisvalid and indkey[0] = conkey[1]
      and (indpred is null or pg_get_expr(indpred, indrelid) = format('(%I IS NOT NULL)', attname))
  )`

t.test('what belongs to a row is found by an index, in every service', async (t) => {
  const unindexed: string[] = []
  for (const service of servicesWithDatabase()) {
    const migrations = serviceMigrations(service, join(SERVICES, service, 'migrations'))
    const { pool } = await createTestDatabase(t, migrations)
    const { rows } = await pool.query<{ column: string }>(UNINDEXED)
    unindexed.push(...rows.map(({ column }) => `${service} ${column}`))
  }
  t.strictSame([...new Set(unindexed)].sort(), Object.keys(NEVER_LOOKED_FOR))
})
