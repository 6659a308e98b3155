import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import { connectBroker } from '@auction/common/rabbitmq/connection.ts'
import { createPublisher } from '@auction/common/rabbitmq/publisher.ts'
import { createTestBroker, type TestBroker } from '@auction/common/testing/broker.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { freePorts } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { log, type World } from './helper.ts'

export interface Running {
  process: ChildProcess
  url: string
  opsUrl: string
}

type Settings = Record<string, string | number>

/** Runs src/cmd/<name>.ts as it is deployed, in a process of its own, until it is ready. */
export async function startProcess(
  t: Teardown,
  name: 'api' | 'worker',
  settings: Settings,
): Promise<Running> {
  const [port = 0, opsPort = 0] = await freePorts(2)
  const level = process.env.TEST_LOG_LEVEL
  const child = spawn(
    process.execPath,
    ['--import', '@auction/common/telemetry/register.ts', `src/cmd/${name}.ts`],
    {
      stdio: ['ignore', level === undefined ? 'ignore' : 'inherit', 'inherit'],
      env: {
        PATH: process.env.PATH,
        HOST: '127.0.0.1',
        LOG_LEVEL: level ?? 'silent',
        SHUTDOWN_DRAIN_MS: '0',
        PORT: String(port),
        OPS_PORT: String(opsPort),
        ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, `${value}`])),
      },
    },
  )
  t.teardown(() => end(child, 'SIGTERM'))
  const opsUrl = `http://127.0.0.1:${opsPort}`
  await waitFor(`${name} to be ready`, async () => {
    if (child.exitCode !== null) throw new Error(`${name} ended with code ${child.exitCode}`)
    const answer = await fetch(`${opsUrl}/health/ready`).catch(() => undefined)
    return answer?.ok === true
  })
  return { process: child, url: `http://127.0.0.1:${port}`, opsUrl }
}

/** Ends a process, by SIGKILL as a lost node does, and waits until it has ended. */
export async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(signal)
  await exited
}

const shared = ({ database, identity }: World) => ({
  ...database.config,
  INTERNAL_JWT_SECRET: identity.internalSecret,
})

export const workerSettings = (world: World, broker: TestBroker) => ({
  ...shared(world),
  RABBITMQ_URL: broker.url,
  AUCTION_URL: 'http://127.0.0.1:1',
  BID_URL: 'http://127.0.0.1:1',
})

export const apiSettings = (world: World) => ({
  ...shared(world),
  JWKS_URL: 'http://127.0.0.1:1/jwks.json',
  BID_URL: 'http://127.0.0.1:1',
  ORDER_SEAL_KEY: randomBytes(32).toString('base64'),
})

/** A broker of the test's own, and what publishes to it as other services do. */
export async function createNeighbours(t: Teardown) {
  const broker = await createTestBroker(t)
  const connection = connectBroker({ url: broker.url, name: 'test', log })
  t.teardown(() => connection.close())
  const publisher = createPublisher(connection, 'stand-in')
  const publish = async (events: readonly OutboxEvent[]) => {
    await waitFor('the publisher', () => publisher.isReady())
    const outcomes = await Promise.all(
      events.map(({ exchange, key, envelope }) =>
        publisher.publish({
          exchange,
          routingKey: key,
          content: Buffer.from(JSON.stringify(envelope)),
          options: { messageId: envelope.id, mandatory: true, persistent: true, type: key },
        }),
      ),
    )
    const failed = outcomes.find((outcome) => outcome !== 'confirmed')
    if (failed !== undefined) throw new Error(`an event was ${failed}`)
  }
  return { broker, publish }
}
