import { Registry } from 'prom-client'
import t from 'tap'
import { isTransient, isUnavailable } from '#src/http/errors.ts'
import { assertDurable, createPool } from '#src/postgres/pool.ts'
import { createTestDatabase, TEST_CONNECTION_TIMEOUT_MS } from '#src/testing/database.ts'
import { startTcpRelay } from '#src/testing/tcp-relay.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { collectLog } from '#test/helper.ts'

type Options = Partial<Parameters<typeof createPool>[1]>

/** A pool whose network a test can cut, on a database of its own. */
async function open(t: Parameters<typeof createTestDatabase>[0], options: Options = {}) {
  const database = await createTestDatabase(t, [])
  const { POSTGRES_HOST: host, POSTGRES_PORT: port } = database.config
  const network = await startTcpRelay(host, port)
  t.teardown(() => network.stop())
  const collected = collectLog()
  const settings = { ...database.config, POSTGRES_HOST: '127.0.0.1', POSTGRES_PORT: network.port }
  const pool = createPool(settings, {
    log: collected.log,
    connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS,
    ...options,
  })
  t.teardown(() => (pool.ended ? undefined : pool.end()))
  return { ...collected, pool, network, database }
}

t.test('an int8 arrives as a bigint, exactly, and everything else as ever', async (t) => {
  const { pool } = await open(t)
  const { rows } = await pool.query(
    `select 9007199254740993 as big, -1::int8 as small, array[1::int8] as list, 7::int4 as number,
      null::int8 as nothing, 1.10::numeric as exact, '2026-11-23T07:00:00Z'::timestamptz as instant`,
  )
  t.strictSame(rows[0], {
    big: 9007199254740993n,
    small: -1n,
    list: ['1'],
    number: 7,
    nothing: null,
    exact: '1.10',
    instant: new Date('2026-11-23T07:00:00Z'),
  })
})

t.test('every connection carries the limits that are written down', async (t) => {
  const { pool } = await open(t, { name: 'toys' })
  const { rows } = await pool.query(
    `select name, setting from pg_settings where name in ('statement_timeout', 'lock_timeout',
      'idle_in_transaction_session_timeout', 'application_name')`,
  )
  t.strictSame(Object.fromEntries(rows.map(({ name, setting }) => [name, setting])), {
    statement_timeout: '5000',
    lock_timeout: '3000',
    idle_in_transaction_session_timeout: '10000',
    application_name: 'auction-toys',
  })
})

t.test('statistics are logged until the pool is ended, and served as metrics', async (t) => {
  const registry = new Registry()
  const { pool, lines } = await open(t, {
    name: 'toys',
    max: 2,
    registry,
    statisticsIntervalMs: 10,
  })
  const held = [await pool.connect(), await pool.connect()]
  const waiting = pool.query('select 1')
  const line = await waitFor('a line that reports the wait', () =>
    lines.find(({ waiting: count }) => count === 1),
  )
  t.match(line, {
    level: 'info',
    msg: 'postgres pool statistics',
    pool: 'toys',
    max: 2,
    total: 2,
    idle: 0,
    waiting: 1,
    waitCount: 1,
  })
  const metrics = await registry.metrics()
  for (const [state, value] of Object.entries({ max: 2, total: 2, idle: 0, waiting: 1 }))
    t.match(metrics, `postgres_pool_connections{pool="toys",state="${state}"} ${value}`)
  t.match(metrics, 'postgres_pool_connections{pool="toys",state="wait_count"} 1')
  for (const client of held) client.release()
  await waiting
  t.match(await registry.metrics(), 'postgres_pool_acquire_seconds_count{pool="toys"} 3')
  await pool.end()
  const { length } = lines
  const unused = await open(t, { statisticsIntervalMs: 5 })
  await unused.pool.end()
  unused.lines.length = 0
  const other = await open(t, { statisticsIntervalMs: 10 })
  await waitFor('three lines of another pool', () => other.lines.length >= 3)
  t.equal(lines.length, length, 'an ended pool is silent')
  t.equal(unused.lines.length, 0, 'one that never had a connection too')
})

t.test('two pools of a process are distinct in its metrics', async (t) => {
  const registry = new Registry()
  await open(t, { name: 'first', max: 2, registry })
  await open(t, { name: 'second', max: 3, registry })
  const metrics = await registry.metrics()
  t.match(metrics, 'postgres_pool_connections{pool="first",state="max"} 2')
  t.match(metrics, 'postgres_pool_connections{pool="second",state="max"} 3')
})

t.test(
  'an idle connection that is lost is a warning, and the next query is answered',
  async (t) => {
    const { pool, network, lines } = await open(t)
    await Promise.all([pool.query('select 1'), pool.query('select 2')])
    t.ok(network.cut() >= 1)
    await waitFor('the loss to be noticed', () => pool.totalCount === 0)
    t.match(lines[0], { level: 'warn', msg: 'idle postgres client failed' })
    t.strictSame((await pool.query('select 3 as three')).rows, [{ three: 3 }])
  },
)

t.test('a connection lost inside a transaction fails that, not the process', async (t) => {
  const { pool, network, database } = await open(t, { max: 2 })
  const losses: Record<string, (pid: number) => unknown> = {
    'by the network': () => network.cut(),
    'by an administrator': (pid) => database.pool.query('select pg_terminate_backend($1)', [pid]),
  }
  for (const [title, lose] of Object.entries(losses)) {
    const client = await pool.connect()
    await client.query('begin')
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const ended = new Promise<void>((resolve) => client.once('end', () => resolve()))
    await lose(rows[0]?.pid ?? 0)
    await ended
    const failure: unknown = await client.query('select 1').catch((error: unknown) => error)
    t.equal(isUnavailable(failure), true, `${title}: the caller is asked to try again`)
    client.release(true)
    t.strictSame((await pool.query('select 3 as three')).rows, [{ three: 3 }], title)
  }
})

t.test('a statement under way when the connection is lost is unavailable too', async (t) => {
  const { pool, network, database } = await open(t, { statementTimeoutMs: 60_000 })
  const sleeping = pool.query('select pg_sleep(60)').catch((error: unknown) => error)
  await waitFor('the statement to run', async () => {
    const { rows } = await database.pool.query(
      `select from pg_stat_activity where datname = current_database()
         and query = 'select pg_sleep(60)' and state = 'active'`,
    )
    return rows.length === 1
  })
  network.cut()
  t.equal(isUnavailable(await sleeping), true)
})

t.test('who waits for a lock longer than the limit may try again', async (t) => {
  const { pool } = await open(t)
  await pool.query('create table toys (id int); insert into toys values (1)')
  const [first, second] = [await pool.connect(), await pool.connect()]
  await first.query('begin; select from toys for update')
  await second.query('set lock_timeout = 20')
  const failure: unknown = await second
    .query('select from toys for update')
    .catch((error: unknown) => error)
  t.equal(isTransient(failure), true)
  t.equal(isUnavailable(failure), false)
  first.release(true)
  second.release(true)
})

t.test('a database that may forget a commit is refused', async (t) => {
  const { pool, database } = await open(t)
  await assertDurable(pool)
  const { POSTGRES_DATABASE: name } = database.config
  for (const [setting, isFine] of [
    ['off', false],
    ['local', false],
    ['remote_write', true],
    ['remote_apply', true],
    ['on', true],
  ] as const) {
    await database.pool.query(`alter database ${name} set synchronous_commit = ${setting}`)
    const fresh = database.createPool(2)
    if (isFine) await t.resolves(assertDurable(fresh), setting)
    else
      await t.rejects(assertDurable(fresh), new RegExp(`fsync=on synchronous_commit=${setting}\\.`))
  }
})
