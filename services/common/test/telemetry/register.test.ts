import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { serviceNameOf } from '#src/telemetry/register.ts'

t.test('traces are named by OTEL_SERVICE_NAME, or as the original did by SERVICE_NAME', (t) => {
  t.equal(serviceNameOf({ OTEL_SERVICE_NAME: 'bid', SERVICE_NAME: 'old-bid' }), 'bid')
  t.equal(serviceNameOf({ SERVICE_NAME: 'old-bid' }), 'old-bid')
  t.equal(serviceNameOf({}), 'auction')
  t.end()
})

t.test('a process with an endpoint for its traces starts, whatever listens there', async (t) => {
  const telemetry = new URL('../../src/telemetry/register.ts', import.meta.url).href
  const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }
  const script = 'console.log("up"); process.exit(0)'
  const args = ['--import', telemetry, '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  t.equal(stdout, 'up\n')
})
