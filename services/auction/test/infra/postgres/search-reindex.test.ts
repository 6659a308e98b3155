import { readFileSync } from 'node:fs'
import { migrate } from '@auction/common/postgres/migrate.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import {
  createTestDatabase,
  required,
  TEST_CONNECTION_TIMEOUT_MS,
} from '@auction/common/testing/database.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import pg from 'pg'
import t from 'tap'
import { SERVICE } from '#src/service.ts'
import { build, call, createDraft, createPublished } from '#test/helper.ts'

const FILE = 'auction/0027-search-reindexed.sql'
const log = createLogger('auction', 'silent')

async function administer(statement: string) {
  const client = new pg.Client({ connectionString: required('TEST_POSTGRES_URL') })
  await client.connect()
  await client.query(statement)
  await client.end()
}

t.test(
  'a database of the version before is indexed again, with the locale set right',
  async (t) => {
    const fixture = await build(t)
    const { pool } = fixture.database
    const ids = [
      await createPublished(fixture, { name: 'Часы старинные', description: '' }),
      await createPublished(fixture, { name: 'silver.spoon', description: '' }),
      await createPublished(fixture, { name: 'ÄPFEL', description: '' }),
    ]
    const ann = fixture.identity.person()
    const body = { name: 'clocks', filters: { q: 'часы -"новые часы"' } }
    await call(fixture, 'POST', '/api/v1/saved-searches', { as: ann, body })
    // What the version before had written, in a database that knew ASCII only.
    await pool.query(
      `update item_search set document = to_tsvector('item_search', name), name = 'x'`,
    )
    await pool.query(`update saved_searches set words = websearch_to_tsquery('item_search', 'x')`)
    await pool.query('delete from migrations where name = $1', [FILE])
    await migrate(pool, SERVICE.migrations, log)
    const find = async (q: string) => {
      const { body } = await call(
        fixture,
        'GET',
        `/api/v1/items/search?${new URLSearchParams({ q })}`,
      )
      return (body.items as { id: string }[]).map(({ id }) => id)
    }
    t.strictSame(await find('часы'), [ids[0]])
    t.strictSame(await find('spoon'), [ids[1]])
    t.strictSame(await find('äpffel'), [ids[2]], 'similar names too')
    const { rows } = await pool.query(
      `select words = search_query('часы -"новые часы"') as same from saved_searches`,
    )
    t.strictSame(rows, [{ same: true }])
  },
)

t.test(
  'names of categories that differ only in case get a number when case is learned',
  async (t) => {
    const { pool } = await createTestDatabase(t, SERVICE.migrations)
    await pool.query('drop index categories_name')
    const [first, second] = [1, 2].map((n) => `00000000-0000-7000-8000-00000000000${n}`)
    await pool.query('insert into categories (id, name) values ($1, $3), ($2, $4)', [
      first,
      second,
      'Жук',
      'ЖУК',
    ])
    const [update] = readFileSync(
      new URL('../../../migrations/0027-search-reindexed.sql', import.meta.url),
      'utf8',
    ).split(/;\s*$/m)
    await pool.query(update ?? '')
    const { rows } = await pool.query<{ name: string }>('select name from categories order by id')
    t.strictSame(
      rows.map(({ name }) => name),
      ['Жук', 'ЖУК (00000000)'],
    )
  },
)

t.test('a database made with C is refused, and its locale set right in place', async (t) => {
  const { config } = await createTestDatabase(t, [])
  const name = `${config.POSTGRES_DATABASE}_c`
  await administer(
    `create database ${name} template template0 encoding 'UTF8' locale_provider libc lc_collate 'C' lc_ctype 'C'`,
  )
  t.teardown(() => administer(`drop database ${name} with (force)`))
  const open = () => {
    const pool = createPool(
      { ...config, POSTGRES_DATABASE: name },
      { log, max: 2, connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS },
    )
    t.teardown(() => pool.end())
    return pool
  }
  await t.rejects(migrate(open(), SERVICE.migrations, log), /knows other letters/)
  await administer(`update pg_database set datctype = 'C.UTF-8' where datname = '${name}'`)
  const pool = open()
  await migrate(pool, SERVICE.migrations, log)
  const { rows } = await pool.query(
    `select similarity('часики', 'часикки') > 0.5 as similar, lower('Ж') as lower`,
  )
  t.strictSame(rows, [{ similar: true, lower: 'ж' }])
})

t.test('while items are indexed again, what their sellers write is kept', async (t) => {
  const fixture = await build(t)
  const { pool } = fixture.database
  const itemId = await createDraft(fixture, { name: 'before' })
  const writer = await pool.connect()
  t.teardown(() => writer.release(true))
  await writer.query('begin')
  await writer.query('update items set name = $2 where id = $1', [itemId, 'afterwards'])
  const indexing = pool.query('call reindex_search()')
  const waits = async () => {
    const { rows } = await pool.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    return rows.length > 0
  }
  await waitFor('the indexing to wait for the seller', waits)
  await writer.query('commit')
  await indexing
  const { rows } = await pool.query('select name from item_search where item_id = $1', [itemId])
  t.strictSame(rows, [{ name: 'afterwards' }])
})
