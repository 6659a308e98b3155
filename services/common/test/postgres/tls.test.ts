import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createPool } from '#src/postgres/pool.ts'
import { certificateFor } from '#src/testing/certificate.ts'
import { createTestDatabase, TEST_CONNECTION_TIMEOUT_MS } from '#src/testing/database.ts'
import { collectLog } from '#test/helper.ts'
import { startTlsFront } from './tls-front.ts'

const run = promisify(execFile)
const asks = fileURLToPath(new URL('ask-postgres.ts', import.meta.url))

async function open(t: Test, name: string) {
  const { config } = await createTestDatabase(t, [])
  const certificate = await certificateFor(name)
  const front = await startTlsFront(config.POSTGRES_HOST, config.POSTGRES_PORT, certificate)
  t.teardown(() => front.stop())
  const through = { ...config, POSTGRES_HOST: 'localhost', POSTGRES_PORT: front.port }
  const ask = async (settings: typeof config) => {
    const pool = createPool(settings, {
      log: collectLog().log,
      connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS,
    })
    try {
      return (await pool.query('select 1 as one')).rows
    } finally {
      await pool.end()
    }
  }
  return { config, through, front, certificate, ask }
}

t.test('with require the way is encrypted, and a server that cannot is refused', async (t) => {
  const { config, through, front, ask } = await open(t, 'anything')
  t.same(await ask({ ...through, POSTGRES_SSLMODE: 'require' }), [{ one: 1 }])
  t.equal(front.encrypted(), 1)
  await t.rejects(ask({ ...config, POSTGRES_SSLMODE: 'require' }), /does not support SSL/)
})

t.test(
  'seed bug 23: with verify-full only the right server, by an authority we know, is talked to',
  async (t) => {
    const right = await open(t, 'localhost')
    const wrong = await open(t, 'elsewhere')
    await t.rejects(right.ask({ ...right.through, POSTGRES_SSLMODE: 'verify-full' }), {
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    })
    // Authorities are read when a process starts, as the chart's caBundle gives them.
    const askIn = async ({ through, certificate }: typeof right) => {
      const folder = t.testdir({ 'ca.pem': certificate.pem })
      const settings = JSON.stringify({ ...through, POSTGRES_SSLMODE: 'verify-full' })
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: `${folder}/ca.pem` }
      return (await run(process.execPath, [asks, settings], { env })).stdout
    }
    t.equal(await askIn(right), '1\n')
    t.equal(await askIn(wrong), 'ERR_TLS_CERT_ALTNAME_INVALID\n')
  },
)
