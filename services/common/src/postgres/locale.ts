import type { Pool } from 'pg'
import { serviceUnavailable } from '../http/errors.ts'

/**
 * How a database of a service is made, after `create database … owner …`: letters of every script are
 * known, and the order of texts is that of their bytes, which no update of a library changes.
 */
export const DATABASE_LOCALE = `template template0 encoding 'UTF8' locale_provider libc lc_collate 'C' lc_ctype 'C.UTF-8'`

/**
 * Refuses a database in which letters outside ASCII have no case and border on no word: it would find
 * other items than the next installation (R-OPS-8). What counts is what the database does, since the
 * names of locales differ between systems.
 */
export async function assertLocale(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ name: string; encoding: string; ctype: string }>(
    `select datname as name, pg_encoding_to_char(encoding) as encoding, datctype as ctype
     from pg_database where datname = current_database()`,
  )
  const database = rows[0]
  if (database === undefined) throw serviceUnavailable()
  const { name, encoding, ctype } = database
  if (encoding !== 'UTF8') {
    throw new Error(
      `The database ${name} has the encoding ${encoding}, and texts come in every script. ` +
        'Make one with UTF8 and restore a dump into it (docs/operations.md, Locale of the databases).',
    )
  }
  const { rows: known } = await pool.query<{ letters: boolean }>(
    `select lower('ÀЖΣI') = 'àжσi' and upper('я') = 'Я' and '—' !~ '\\w' and 'Ж' ~ '\\w'
       and to_tsvector('simple', 'Vase—Blau Ж') = 'blau:2 vase:1 ж:3'::tsvector as letters`,
  )
  if (known[0]?.letters === true) return
  throw new Error(
    `The database ${name} (LC_CTYPE ${ctype}) knows other letters than the platform was tested with: ` +
      'searches would miss items. If LC_CTYPE is C or POSIX, run as a superuser of PostgreSQL: ' +
      `update pg_database set datctype = 'C.UTF-8' where datname = '${name}'; ` +
      'then start again (docs/operations.md, Locale of the databases).',
  )
}
