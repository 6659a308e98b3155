import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { createDatabase } from '#src/postgres/database.ts'
import { messagingMigrations } from '#src/postgres/migrate.ts'
import { purgeInbox } from '#src/rabbitmq/inbox.ts'
import { explainByClock } from '#src/testing/clock-plans.ts'
import { createTestDatabase } from '#src/testing/database.ts'

t.test('the inbox is purged by an index', async (t) => {
  const database = await createTestDatabase(t, [messagingMigrations])
  const { compared, scanning } = await explainByClock(database, (pool) =>
    purgeInbox(createDatabase(pool), 30, 1_000),
  )
  t.equal(compared, 2)
  t.strictSame(scanning, [])
})

t.test('a statement that reads a whole table by the clock is found', async (t) => {
  const database = await createTestDatabase(t, [messagingMigrations])
  const { compared, scanning } = await explainByClock(database, async (pool) => {
    await pool.query(`select from inbox where received_at < statement_timestamp() - interval '1 day'
      order by received_at limit 10`)
    await pool.query(`select from inbox where received_at < clock_timestamp() - interval '2 days'
      order by received_at limit 10`)
    await pool.query({
      text: 'select from outbox where sent_at < (select now() - $1::interval) limit 10',
      values: ['3 days'],
    })
  })
  t.equal(compared, 3)
  t.match(scanning, [/2 days/, /outbox where sent_at/])
  t.equal(scanning.length, 2)
})

const services = new URL('../../../', import.meta.url).pathname
const COMPARED = /(?<!-|=)(?:[<>]=?'?,?|between)\s*(?:sql<\w+>`)?\s*clock_timestamp\(\)/

t.test('no instant is compared with clock_timestamp(), by which no index is read', (t) => {
  // It is volatile: PostgreSQL computes it for every row. statement_timestamp() is the same instant for the
  // whole statement, later than every statement before it, and a condition of an index.
  t.match(`"at <= clock_timestamp() - 1"`, COMPARED)
  t.match(".where('due_at', '<=', sql<Date>`clock_timestamp()`)", COMPARED)
  t.notMatch('at: (tx) => clock_timestamp()', COMPARED)
  const files = globSync('*/src/**/*.ts', { cwd: services })
  t.ok(files.length > 100)
  t.strictSame(
    files.filter((file) => COMPARED.test(readFileSync(`${services}${file}`, 'utf8'))),
    [],
  )
  t.end()
})
