import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { PostgresConfig } from '@auction/common/postgres/pool.ts'
import { createTestBroker } from '@auction/common/testing/broker.ts'
import { createTestDatabase, type Teardown } from '@auction/common/testing/database.ts'
import { freePorts } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { connect } from 'amqplib'
import t from 'tap'
import { INTERNAL_SECRET, newKeyEncryptionKey, PERSON, PUBLIC_URL } from '../helper.ts'

const SERVICE = fileURLToPath(new URL('../..', import.meta.url))

interface Running {
  url: string
  opsUrl: string
  child: ChildProcess
  errors(): string
}

function environmentOf(config: PostgresConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)]))
}

/** Starts one file of cmd/ as it runs in production. */
async function start(
  t: Teardown,
  file: string,
  environment: Record<string, string>,
): Promise<Running> {
  const [port = 0, opsPort = 0] = await freePorts(2)
  const child = spawn(
    process.execPath,
    ['--import', '@auction/common/telemetry/register.ts', `src/cmd/${file}.ts`],
    {
      cwd: SERVICE,
      env: {
        PATH: process.env.PATH,
        HOST: '127.0.0.1',
        PORT: String(port),
        OPS_PORT: String(opsPort),
        LOG_LEVEL: 'warn',
        SHUTDOWN_DRAIN_MS: '0',
        ...environment,
      },
      stdio: ['ignore', 'inherit', 'pipe'],
    },
  )
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  let errors = ''
  child.stderr?.on('data', (data: Buffer) => {
    errors += data.toString()
  })
  return {
    errors: () => errors,
    url: `http://127.0.0.1:${port}`,
    opsUrl: `http://127.0.0.1:${opsPort}`,
    child,
  }
}

async function ready({ opsUrl, child }: Running): Promise<void> {
  await waitFor(`${opsUrl} to be ready`, async () => {
    if (child.exitCode !== null) throw new Error(`the process ended with code ${child.exitCode}`)
    const response = await fetch(`${opsUrl}/health/ready`).catch(() => undefined)
    await response?.arrayBuffer()
    return response?.status === 200
  })
}

t.test(
  'the processes start, agree on a key, publish the registration and stop in order',
  async (t) => {
    const { config } = await createTestDatabase(t, [])
    const vhost = await createTestBroker(t)
    const postgres = environmentOf(config)
    const migrations = await start(t, 'migrate', postgres)
    t.same(await once(migrations.child, 'exit'), [0, null])

    const KEY_ENCRYPTION_KEY = newKeyEncryptionKey()
    const both = {
      ...postgres,
      // Asked only when a user leaves.
      AUCTION_URL: 'http://127.0.0.1:9',
      BID_URL: 'http://127.0.0.1:9',
      ORDER_URL: 'http://127.0.0.1:9',
      PAYMENT_URL: 'http://127.0.0.1:9',
      INTERNAL_JWT_SECRET: INTERNAL_SECRET,
      KEY_ENCRYPTION_KEY,
      MAIL_SEAL_KEY: KEY_ENCRYPTION_KEY,
      PUBLIC_URL,
    }
    const api = { ...both, EMAIL_VERIFICATION: 'optional' }
    const processes = [
      await start(t, 'api', api),
      await start(t, 'api', api),
      await start(t, 'worker', { ...both, RABBITMQ_URL: vhost.url }),
    ] as const
    const [first, second] = processes
    await Promise.all(processes.map(ready))

    const keySets = await Promise.all(
      [first, second].map(async ({ url }) =>
        (await fetch(`${url}/identity/.well-known/jwks.json`)).json(),
      ),
    )
    t.same(keySets[0], keySets[1], 'two first starts at once made one key')

    const connection = await connect(vhost.url)
    t.teardown(() => connection.close())
    const channel = await connection.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, 'auction.identity', 'identity.user.registered.v1')
    const arrived = new Promise<{
      content: Buffer
      properties: { headers?: Record<string, unknown> | undefined; type: unknown }
    }>((resolve) =>
      channel.consume(queue, (message) => message !== null && resolve(message), { noAck: true }),
    )

    const post = async (base: string, path: string, body: object) =>
      (
        await fetch(`${base}/identity/${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-correlation-id': 'process-test' },
          body: JSON.stringify(body),
        })
      ).json()
    const user = (await post(first.url, 'register', PERSON)) as { id: string }
    const message = await arrived
    t.equal(message.properties.type, 'identity.user.registered.v1')
    t.match(message.properties.headers, {
      'x-correlation-id': 'process-test',
      'x-service': 'identity',
    })
    t.match(JSON.parse(message.content.toString()), {
      event: 'identity.user.registered',
      payload: { userId: user.id, email: PERSON.email },
    })

    const { email, password } = PERSON
    const { token } = (await post(first.url, 'login', { email, password })) as { token: string }
    const validated = await fetch(`${second.url}/identity/validate`, {
      headers: { authorization: `Bearer ${token}` },
    })
    t.equal(validated.headers.get('x-user-id'), user.id, 'the other replica knows the session')
    const metrics = await (await fetch(`${first.opsUrl}/metrics`)).text()
    t.match(metrics, /identity_logins_total\{[^}]*outcome="accepted"[^}]*\} 1/)

    for (const { child } of processes) child.kill('SIGTERM')
    for (const { child } of processes) {
      if (child.exitCode === null) await once(child, 'exit')
      t.equal(child.exitCode, 0)
    }
  },
)

t.test('an API without its settings does not start and names what is missing', async (t) => {
  const { child, errors } = await start(t, 'api', { KEY_ENCRYPTION_KEY: 'too short to be a key' })
  const [code] = await once(child, 'close')
  t.not(code, 0)
  t.match(errors(), /POSTGRES_USERNAME/)
  t.notMatch(errors(), /too short to be a key/, 'values are never printed')
})
