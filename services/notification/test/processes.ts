import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import { connectBroker } from '@auction/common/rabbitmq/connection.ts'
import { createPublisher, type Publisher } from '@auction/common/rabbitmq/publisher.ts'
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

/** What Node chooses by itself in a container of 256 MiB, which is the limit that the chart gives a worker. */
export const SMALL_CONTAINER = ['--max-old-space-size=128', '--max-semi-space-size=4']
export const SMALL_CONTAINER_BYTES = 256 * 2 ** 20

type Settings = Record<string, string | number>

/** Runs src/cmd/<name>.ts as it is deployed, in a process of its own, until it is ready. */
export async function startProcess(
  t: Teardown,
  name: 'api' | 'worker',
  settings: Settings,
  nodeOptions: readonly string[] = [],
): Promise<Running> {
  const [port = 0, opsPort = 0] = await freePorts(2)
  const child = spawnCommand(name, { ...settings, PORT: port, OPS_PORT: opsPort }, nodeOptions)
  t.teardown(() => stop(child))
  const opsUrl = `http://127.0.0.1:${opsPort}`
  await waitFor(`${name} to be ready`, async () => {
    if (child.exitCode !== null) throw new Error(`${name} ended with code ${child.exitCode}`)
    const answer = await fetch(`${opsUrl}/health/ready`).catch(() => undefined)
    return answer?.ok === true
  })
  return { process: child, url: `http://127.0.0.1:${port}`, opsUrl }
}

/** Asks a process to stop, as Kubernetes does, and waits until it has. */
export function stop(child: ChildProcess): Promise<void> {
  return end(child, 'SIGTERM')
}

/** Ends a process as a lost node does. */
export function kill(child: ChildProcess): Promise<void> {
  return end(child, 'SIGKILL')
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(signal)
  await exited
}

function spawnCommand(
  name: string,
  settings: Settings,
  nodeOptions: readonly string[],
): ChildProcess {
  const level = process.env.TEST_LOG_LEVEL
  return spawn(
    process.execPath,
    [...nodeOptions, '--import', '@auction/common/telemetry/register.ts', `src/cmd/${name}.ts`],
    {
      stdio: ['ignore', level === undefined ? 'ignore' : 'inherit', 'inherit'],
      env: {
        PATH: process.env.PATH,
        HOST: '127.0.0.1',
        LOG_LEVEL: level ?? 'silent',
        SHUTDOWN_DRAIN_MS: '0',
        ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, `${value}`])),
      },
    },
  )
}

/** What a worker on the database of a test needs to run. */
export const workerSettings = ({ database, identity, auction }: World, broker: TestBroker) => ({
  ...database.config,
  RABBITMQ_URL: broker.url,
  INTERNAL_JWT_SECRET: identity.internalSecret,
  PUBLIC_URL: 'https://auction.test',
  IDENTITY_URL: 'http://127.0.0.1:1',
  AUCTION_URL: auction.url,
  MAIL_SEAL_KEY: randomBytes(32).toString('base64'),
  WEBHOOK_SEAL_KEY: randomBytes(32).toString('base64'),
})

export interface Neighbours {
  broker: TestBroker
  /** Publishes events as their services do. */
  publish(events: readonly OutboxEvent[]): Promise<void>
}

/** The other services, as far as they publish. */
export async function createNeighbours(t: Teardown): Promise<Neighbours> {
  const broker = await createTestBroker(t)
  const connection = connectBroker({ url: broker.url, name: 'test', log })
  t.teardown(() => connection.close())
  const publisher = createPublisher(connection, 'stand-in')
  return { broker, publish: (events) => publishAll(publisher, events) }
}

async function publishAll(publisher: Publisher, events: readonly OutboxEvent[]): Promise<void> {
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
