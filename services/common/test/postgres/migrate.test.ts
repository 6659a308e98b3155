import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createMigrationCheck, messagingMigrations, migrate } from '#src/postgres/migrate.ts'
import { createPool } from '#src/postgres/pool.ts'
import { createLogger } from '#src/process/logger.ts'
import { createTestDatabase, TEST_CONNECTION_TIMEOUT_MS } from '#src/testing/database.ts'
import { waitFor } from '#src/testing/wait-for.ts'

const log = createLogger('test', 'silent')

/** A folder of migrations with these contents. */
function folder(
  t: { testdir(content: Record<string, never>): string },
  name: string,
  files: Record<string, string>,
) {
  const dir = join(t.testdir({}), name)
  mkdirSync(dir)
  const write = (file: string, sql: string) => writeFileSync(join(dir, file), sql)
  for (const [file, sql] of Object.entries(files)) write(file, sql)
  return { set: { name, dir }, write }
}

t.test('files run once, in the order of their names, sets in the order given', async (t) => {
  const { pool } = await createTestDatabase(t, [messagingMigrations])
  const { set, write } = folder(t, 'shop', {
    '0002-second.sql': `insert into steps values ('second')`,
    '0001-first.sql': `create table steps (name text); insert into steps values ('first')`,
  })
  await migrate(pool, [messagingMigrations, set], log)
  write('0003-third.sql', `insert into steps values ('third')`)
  await migrate(pool, [messagingMigrations, set], log)
  const { rows } = await pool.query('select name from steps')
  t.strictSame(
    rows.map(({ name }) => name),
    ['first', 'second', 'third'],
  )
})

t.test('ten migrators at once run every file once', async (t) => {
  const { createPool: open } = await createTestDatabase(t, [])
  const { set } = folder(t, 'shop', { '0001.sql': 'create table only_once (id int)' })
  await Promise.all(Array.from({ length: 10 }, () => migrate(open(2), [set], log)))
  const { rows } = await open().query('select name from migrations')
  t.strictSame(rows, [{ name: 'shop/0001.sql' }])
})

t.test('a file that changed after it had been run is an error', async (t) => {
  const { pool } = await createTestDatabase(t, [])
  const { set, write } = folder(t, 'shop', { '0001.sql': 'create table goods (id int)' })
  await migrate(pool, [set], log)
  write('0001.sql', 'create table goods (id bigint)')
  await t.rejects(migrate(pool, [set], log), /shop\/0001.sql was changed/)
})

t.test('a file that fails leaves nothing behind and runs again once it is mended', async (t) => {
  const { pool } = await createTestDatabase(t, [])
  const { set, write } = folder(t, 'shop', {
    '0001.sql': 'create table goods (id int); select no_such_function()',
  })
  await t.rejects(migrate(pool, [set], log), { message: /shop\/0001.sql failed/ })
  const { rows } = await pool.query(`select to_regclass('goods') as goods`)
  t.equal(rows[0]?.goods, null)
  write('0001.sql', 'create table goods (id int)')
  await migrate(pool, [set], log)
  t.equal(await createMigrationCheck(pool, [set])(), true)
})

t.test('while a backup reads a table its migration waits, and no other client does', async (t) => {
  const { pool, createPool: open } = await createTestDatabase(t, [])
  const { set, write } = folder(t, 'shop', { '0001.sql': 'create table goods (id int)' })
  await migrate(pool, [set], log)
  write('0002.sql', 'alter table goods add column price bigint; insert into goods values (0, 1)')
  const backup = await pool.connect()
  t.teardown(() => backup.release())
  await backup.query('begin')
  await backup.query('select from goods')
  let isDone = false
  const migrating = migrate(open(2), [set], log, 50).then(() => {
    isDone = true
  })
  const asked = () =>
    waitFor('the migration to ask for the table', async () => {
      const { rows } = await pool.query(
        `select from pg_locks where relation = 'goods'::regclass and not granted`,
      )
      return rows.length > 0
    })
  // Twice: a client that comes during a try gets through after it.
  for (const id of [1, 2]) {
    await asked()
    await pool.query('insert into goods (id) values ($1)', [id])
  }
  t.notOk(isDone)
  await backup.query('commit')
  await migrating
  const { rows } = await pool.query('select id, price from goods order by id')
  t.strictSame(
    rows.map(({ id }) => id),
    [0, 1, 2],
    'run once',
  )
})

t.test('a migration may take longer than any request may', async (t) => {
  const { pool, createPool: open } = await createTestDatabase(t, [])
  const { set } = folder(t, 'shop', { '0001.sql': 'select pg_sleep(6)' })
  const hasty = open(2)
  Object.assign(hasty.options, { query_timeout: 5_000, statement_timeout: 5_000 })
  await migrate(hasty, [set], log)
  t.equal(await createMigrationCheck(pool, [set])(), true)
})

t.test(
  'seed bug 40: the readiness check only reads, and says no until every file has been run',
  async (t) => {
    const { pool } = await createTestDatabase(t, [messagingMigrations])
    const { set } = folder(t, 'shop', { '0001.sql': 'create table goods (id int)' })
    const check = createMigrationCheck(pool, [messagingMigrations, set])
    t.equal(await check(), false)
    const { rows } = await pool.query(`select to_regclass('goods') as goods`)
    t.equal(rows[0]?.goods, null)
    await migrate(pool, [messagingMigrations, set], log)
    t.equal(await check(), true)
  },
)

t.test('a database that may lose a commit is refused', async (t) => {
  const { pool, config, createPool: open } = await createTestDatabase(t, [])
  await pool.query(`alter database ${config.POSTGRES_DATABASE} set synchronous_commit = off`)
  const careless = open(2)
  await t.rejects(migrate(careless, [messagingMigrations], log), /synchronous_commit=off/)
  const { rows } = await careless.query(`select to_regclass('outbox') as outbox`)
  t.equal(rows[0]?.outbox, null)
})

t.test('a database that is not there yet is waited for', async (t) => {
  const { config } = await createTestDatabase(t, [])
  const { set } = folder(t, 'shop', { '0001.sql': 'create table goods (id int)' })
  let port = 1
  const pool = createPool(
    { ...config, POSTGRES_PORT: port },
    { log, max: 2, connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS },
  )
  t.teardown(() => pool.end())
  const migrating = migrate(pool, [set], log)
  port = config.POSTGRES_PORT
  Object.assign(pool.options, { port })
  await migrating
  t.equal(await createMigrationCheck(pool, [set])(), true)
})

t.test('a file without a transaction builds an index while the table is written to', async (t) => {
  const { pool, createPool: open } = await createTestDatabase(t, [])
  const { set, write } = folder(t, 'shop', {
    '0001.sql': 'create table goods (id int); insert into goods values (1), (1)',
  })
  await migrate(pool, [set], log)
  write(
    '0002.sql',
    `-- no transaction
-- What was cut off goes first.
drop index concurrently if exists goods_by_id;
create unique index concurrently goods_by_id on goods (id);
`,
  )
  await t.rejects(migrate(pool, [set], log), /shop\/0002.sql failed/, 'two goods have one id')
  await pool.query('delete from goods where ctid = (select min(ctid) from goods)')
  await Promise.all(Array.from({ length: 3 }, () => migrate(open(2), [set], log)))
  const { rows } = await pool.query(
    `select indisvalid as "isValid" from pg_index where indexrelid = 'goods_by_id'::regclass`,
  )
  t.strictSame(rows, [{ isValid: true }])
})
