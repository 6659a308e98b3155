import pg from 'pg'
import { Registry } from 'prom-client'
import t from 'tap'
import { assertLocale, DATABASE_LOCALE } from '#src/postgres/locale.ts'
import { migrate } from '#src/postgres/migrate.ts'
import { createPool } from '#src/postgres/pool.ts'
import { openDatabase } from '#src/process/run-api.ts'
import {
  createTestDatabase,
  required,
  TEST_CONNECTION_TIMEOUT_MS,
  type TestDatabase,
} from '#src/testing/database.ts'
import { collectLog } from '#test/helper.ts'

type Scope = Parameters<typeof createTestDatabase>[0]

/** Runs a statement as an administrator. */
async function administer(statement: string) {
  const client = new pg.Client({ connectionString: required('TEST_POSTGRES_URL') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Another database than that of the test, made with this locale. */
async function withLocale(t: Scope, { config }: TestDatabase, name: string, locale: string) {
  await administer(`create database ${name} ${locale}`)
  t.teardown(() => administer(`drop database ${name} with (force)`))
  const changed = { ...config, POSTGRES_DATABASE: name }
  const open = () => {
    const pool = createPool(changed, {
      log: collectLog().log,
      max: 2,
      connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS,
    })
    t.teardown(() => pool.end())
    return pool
  }
  return { config: changed, open }
}

t.test('a database that knows letters of ASCII only is refused, with what to do', async (t) => {
  const database = await createTestDatabase(t, [])
  await assertLocale(database.pool)
  const name = `${database.config.POSTGRES_DATABASE}_c`
  const ascii = await withLocale(t, database, name, DATABASE_LOCALE.replace('C.UTF-8', 'C'))
  const message = new RegExp(
    `${name} \\(LC_CTYPE C\\).*update pg_database set datctype = 'C.UTF-8'`,
  )
  await t.rejects(assertLocale(ascii.open()), { message })
  await t.rejects(migrate(ascii.open(), [], collectLog().log), { message })
  const lifecycle = {
    onStop: (_name: string, step: () => unknown) => t.teardown(step),
    isStopping: () => false,
  }
  const context = { log: collectLog().log, registry: new Registry(), lifecycle }
  await t.rejects(openDatabase(ascii.config, context), { message })
  await administer(`update pg_database set datctype = 'C.UTF-8' where datname = '${name}'`)
  await assertLocale(ascii.open())
  await migrate(ascii.open(), [], collectLog().log)
})

t.test('a provider that gives letters a case but words no borders is refused', async (t) => {
  const database = await createTestDatabase(t, [])
  const name = `${database.config.POSTGRES_DATABASE}_b`
  const builtin = `template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8' lc_collate 'C' lc_ctype 'C'`
  const { open } = await withLocale(t, database, name, builtin)
  await t.rejects(assertLocale(open()), /LC_CTYPE C\)/)
})

t.test('a database of another encoding is refused', async (t) => {
  const database = await createTestDatabase(t, [])
  const name = `${database.config.POSTGRES_DATABASE}_l`
  const latin = `template template0 encoding 'LATIN1' locale_provider libc lc_collate 'C' lc_ctype 'C'`
  const { open } = await withLocale(t, database, name, latin)
  await t.rejects(assertLocale(open()), /has the encoding LATIN1/)
})
