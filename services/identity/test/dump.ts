import { sql } from 'kysely'
import type { TestDb } from './helper.ts'

/** Every row of every table as text. */
export async function dumpOf(db: TestDb, except: readonly string[] = []): Promise<string> {
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
     where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(db)
  let dump = ''
  for (const { name } of tables.filter((table) => !except.includes(table.name))) {
    const { rows } = await sql<{ row: string }>`
      select ${sql.ref('r')}::text as row from ${sql.table(name)} as r`.execute(db)
    dump += `${rows.map(({ row }) => row).join('\n')}\n`
  }
  return dump
}
