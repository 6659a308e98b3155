import { Registry } from 'prom-client'
import t from 'tap'
import { openDatabase } from '#src/process/run-api.ts'
import type { ProcessContext } from '#src/process/service-process.ts'
import { createTestDatabase, type Teardown } from '#src/testing/database.ts'
import { startTcpRelay } from '#src/testing/tcp-relay.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { collectLog, type LogLine } from '#test/helper.ts'

const isWaiting = ({ msg }: LogLine) => msg === 'the database is not reachable yet'

/** What a process hands to its parts; its stop steps run when the test ends. */
function createContext(t: Teardown): { context: ProcessContext; lines: LogLine[] } {
  const { log, lines } = collectLog()
  const lifecycle = {
    onStop: (_name: string, step: () => unknown) => t.teardown(step),
    isStopping: () => false,
  }
  return { context: { log, registry: new Registry(), lifecycle }, lines }
}

t.test('a process that starts before its database waits for it', async (t) => {
  const { config } = await createTestDatabase(t, [])
  const relay = await startTcpRelay(config.POSTGRES_HOST, config.POSTGRES_PORT)
  t.teardown(() => relay.stop())
  await relay.stop()
  const { context, lines } = createContext(t)
  const address = { ...config, POSTGRES_HOST: '127.0.0.1', POSTGRES_PORT: relay.port }
  const opening = openDatabase(address, context)
  await waitFor('two attempts', () => lines.filter(isWaiting).length >= 2)
  await relay.start()
  const { pool } = await opening
  const { rows } = await pool.query('select 1 as one')
  t.strictSame(rows, [{ one: 1 }])
})

t.test('what waiting does not mend ends the start at once', async (t) => {
  const { config } = await createTestDatabase(t, [])
  const { context, lines } = createContext(t)
  const address = { ...config, POSTGRES_DATABASE: 'no_such_database' }
  await t.rejects(openDatabase(address, context), { code: '3D000' })
  t.strictSame(lines.filter(isWaiting), [])
})
