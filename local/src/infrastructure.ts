import { chmodSync, mkdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { freePorts } from '@auction/common/testing/ports.ts'
import { ensureRabbitmq } from './install/rabbitmq.ts'
import { createDatabases, preparePostgres, untilPostgresReady } from './postgres.ts'
import {
  createProcessTable,
  type ManagedProcess,
  type ProcessSpec,
  type ProcessTable,
} from './process-table.ts'
import { prepareRabbitmq, untilRabbitmqReady } from './rabbitmq.ts'
import { readSecrets, type Secrets } from './secrets.ts'
import { DATABASES } from './service-list.ts'

export interface Broker {
  url: string
  managementUrl: string
  /** Absent where its metrics are not read. */
  metricsUrl?: string
}

export interface InfrastructureOptions {
  stateDir: string
  /** A RabbitMQ that runs already; without it, one is started and stopped with the rest. */
  broker?: Broker | undefined
  log?: (line: string) => void
}

/** A process with how it is started again and when it is ready. */
export interface Supervised {
  spec: ProcessSpec
  process: ManagedProcess
  ready: (process: ManagedProcess) => Promise<void>
}

export interface Postgres {
  port: number
  adminUrl: string
  /** The address of a service's database, with its role. */
  url(service: string): string
}

export interface Infrastructure {
  table: ProcessTable
  secrets: Secrets
  supervised: Map<string, Supervised>
  postgres: Postgres
  rabbitmq: Broker
  /** Resolves when the databases exist; RabbitMQ may still be starting. */
  postgresReady: Promise<void>
  rabbitmqReady: Promise<void>
  stop(): Promise<void>
}

/** Runs `work` and logs how long it took. */
export async function timed<T>(
  log: (line: string) => void,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const startedAtMs = performance.now()
  const result = await work()
  log(`${what} (${((performance.now() - startedAtMs) / 1000).toFixed(1)} s)`)
  return result
}

const RESTART_PAUSE_FIRST_MS = 100
const RESTART_PAUSE_MAX_MS = 5_000

/**
 * Starts a process and waits until it is ready, again and again while it ends by itself: after a
 * kill -9 PostgreSQL refuses its data until the last child of the dead server has noticed.
 */
export async function startUntilReady(table: ProcessTable, one: Supervised): Promise<void> {
  for (let pauseMs = RESTART_PAUSE_FIRST_MS; ; pauseMs *= 2) {
    if (!one.process.isRunning()) one.process = table.spawn(one.spec)
    const { process } = one
    const ended = process.exited.then((end) => {
      throw table.ended(one.spec.name, end)
    })
    ended.catch(() => undefined)
    try {
      return await Promise.race([one.ready(process), ended])
    } catch (error) {
      if (process.isRunning() || pauseMs > RESTART_PAUSE_MAX_MS) throw error
      await wait(pauseMs)
    }
  }
}

/** Makes the state folder, ends what an earlier runner left in it, and opens its table. */
export async function openState(
  stateDir: string,
  log: (line: string) => void,
): Promise<ProcessTable> {
  mkdirSync(stateDir, { recursive: true })
  // PostgreSQL's own user must be able to pass through to its data.
  chmodSync(stateDir, 0o711)
  const table = createProcessTable(stateDir)
  const left = await table.clearLeftovers()
  if (left.length > 0) log(`ended what an earlier run had left: ${left.join(', ')}`)
  return table
}

/** Starts PostgreSQL and RabbitMQ side by side; returns as soon as both are being started. */
export async function startInfrastructure(options: InfrastructureOptions): Promise<Infrastructure> {
  const log = options.log ?? (() => {})
  const { stateDir, broker } = options
  const table = await openState(stateDir, log)
  const supervised = new Map<string, Supervised>()
  const stop = () => stopInfrastructure(table, supervised)
  const start: Start = (spec, ready) => {
    const started = { spec, ready, process: table.spawn(spec) }
    supervised.set(spec.name, started)
    return () => startUntilReady(table, started)
  }
  try {
    const secrets = readSecrets(stateDir)
    const rabbitmq =
      broker === undefined
        ? await startBroker(start, { stateDir, secrets, log })
        : { rabbitmq: broker, rabbitmqReady: Promise.resolve() }
    const postgres = await startPostgres(start, { stateDir, secrets, log })
    return { table, secrets, supervised, ...rabbitmq, ...postgres, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Starts a process and returns how to wait until it is ready. */
type Start = (spec: ProcessSpec, ready: Supervised['ready']) => () => Promise<void>

interface ServerContext {
  stateDir: string
  secrets: Secrets
  log: (line: string) => void
}

async function startBroker(
  start: Start,
  { stateDir, secrets, log }: ServerContext,
): Promise<Pick<Infrastructure, 'rabbitmq' | 'rabbitmqReady'>> {
  const [amqp = 0, management = 0, metrics = 0, distribution = 0, epmd = 0] = await freePorts(5)
  const { url, managementUrl, metricsUrl, ...prepared } = prepareRabbitmq({
    server: ensureRabbitmq(log),
    stateDir,
    ports: { amqp, management, metrics, distribution, epmd },
    user: 'auction',
    password: secrets.rabbitmq,
    cookie: secrets.erlangCookie,
  })
  start(prepared.epmd, async () => {})
  const untilReady = start(prepared.spec, ({ isRunning }) =>
    untilRabbitmqReady(managementUrl, isRunning),
  )
  const rabbitmqReady = timed(log, 'rabbitmq ready', untilReady)
  // A later `await` still sees the failure; until then the rejection must count as handled.
  rabbitmqReady.catch(() => undefined)
  return { rabbitmq: { url, managementUrl, metricsUrl }, rabbitmqReady }
}

async function startPostgres(
  start: Start,
  { stateDir, secrets, log }: ServerContext,
): Promise<Pick<Infrastructure, 'postgres' | 'postgresReady'>> {
  const [port = 0] = await freePorts(1)
  const { adminUrl, spec } = await preparePostgres({
    stateDir,
    port,
    adminPassword: secrets.postgresAdmin,
    log,
  })
  const untilReady = start(spec, ({ isRunning }) => untilPostgresReady(adminUrl, isRunning))
  const postgresReady = timed(log, 'postgres ready', async () => {
    await untilReady()
    await createDatabases(adminUrl, secrets.postgresServices)
  })
  postgresReady.catch(() => undefined)
  const url = (service: string) => databaseUrl(adminUrl, secrets.postgresServices, service)
  return { postgres: { port, adminUrl, url }, postgresReady }
}

async function stopInfrastructure(
  table: ProcessTable,
  supervised: Map<string, Supervised>,
): Promise<void> {
  table.close()
  await Promise.all(['rabbitmq', 'postgres'].map((name) => supervised.get(name)?.process.stop()))
  await supervised.get('epmd')?.process.stop(1_000)
}

function databaseUrl(adminUrl: string, password: string, service: string): string {
  if (!DATABASES.includes(service)) throw new Error(`${service} owns no database`)
  const address = new URL(adminUrl)
  address.username = service
  address.password = password
  address.pathname = `/${service}`
  return address.href
}
