import { createPool } from '#src/postgres/pool.ts'
import { createLogger } from '#src/process/logger.ts'
import { TEST_CONNECTION_TIMEOUT_MS } from '#src/testing/database.ts'

// A process of its own for tls.test.ts: prints what the server answers, or why it was not asked.
const pool = createPool(JSON.parse(process.argv[2] ?? ''), {
  log: createLogger('tls', 'silent'),
  connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS,
})
try {
  const { rows } = await pool.query('select 1 as one')
  console.log(rows[0].one)
} catch (error) {
  console.log((error as { code?: string }).code)
}
await pool.end()
