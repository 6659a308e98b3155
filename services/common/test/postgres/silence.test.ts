import { Kysely, PostgresDialect, sql } from 'kysely'
import t from 'tap'
import { createPool } from '#src/postgres/pool.ts'
import { createLogger } from '#src/process/logger.ts'
import { createTestDatabase, TEST_CONNECTION_TIMEOUT_MS } from '#src/testing/database.ts'
import { startTcpRelay } from '#src/testing/tcp-relay.ts'

t.test('a connection that fell silent fails one query and is never taken again', async (t) => {
  const { config } = await createTestDatabase(t, [])
  const relay = await startTcpRelay(config.POSTGRES_HOST, config.POSTGRES_PORT)
  const pool = createPool(
    { ...config, POSTGRES_HOST: '127.0.0.1', POSTGRES_PORT: relay.port },
    {
      log: createLogger('test', 'silent'),
      max: 1,
      connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS,
    },
  )
  t.teardown(async () => {
    await pool.end()
    await relay.stop()
  })
  const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }) })
  const ask = () => sql<{ one: number }>`select 1 as one`.execute(db)
  await ask()
  relay.stall()
  await t.rejects(ask(), /timeout/)
  // The silent connection stays silent; a new connection is served.
  t.strictSame((await ask()).rows, [{ one: 1 }])
})
