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

export interface InfrastructureOptions {
  stateDir: string
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
  rabbitmq: { url: string; managementUrl: string; metricsUrl: string }
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
  const { stateDir } = options
  const rabbitmqServer = ensureRabbitmq(log)
  const table = await openState(stateDir, log)
  const supervised = new Map<string, Supervised>()
  const stop = () => stopInfrastructure(table, supervised)
  try {
    const secrets = readSecrets(stateDir)
    const servers = await startServers(table, supervised, secrets, {
      stateDir,
      log,
      rabbitmqServer,
    })
    return { table, secrets, supervised, ...servers, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Servers = Pick<Infrastructure, 'postgres' | 'rabbitmq' | 'postgresReady' | 'rabbitmqReady'>

async function startServers(
  table: ProcessTable,
  supervised: Map<string, Supervised>,
  secrets: Secrets,
  { stateDir, log, rabbitmqServer }: Required<InfrastructureOptions> & { rabbitmqServer: string },
): Promise<Servers> {
  const [postgresPort = 0, amqp = 0, management = 0, metrics = 0, distribution = 0, epmd = 0] =
    await freePorts(6)
  const start = (spec: ProcessSpec, ready: Supervised['ready']) => {
    const started = { spec, ready, process: table.spawn(spec) }
    supervised.set(spec.name, started)
    return started
  }

  const rabbitmq = prepareRabbitmq({
    server: rabbitmqServer,
    stateDir,
    ports: { amqp, management, metrics, distribution, epmd },
    user: 'auction',
    password: secrets.rabbitmq,
    cookie: secrets.erlangCookie,
  })
  start(rabbitmq.epmd, async () => {})
  const broker = start(rabbitmq.spec, (process) =>
    untilRabbitmqReady(rabbitmq.managementUrl, process.isRunning),
  )
  const rabbitmqReady = timed(log, 'rabbitmq ready', () => startUntilReady(table, broker))
  // A later `await` still sees the failure; until then the rejection must count as handled.
  rabbitmqReady.catch(() => undefined)

  const prepared = await preparePostgres({
    stateDir,
    port: postgresPort,
    adminPassword: secrets.postgresAdmin,
    log,
  })
  const { adminUrl } = prepared
  const server = start(prepared.spec, (process) => untilPostgresReady(adminUrl, process.isRunning))
  const url = (service: string) => databaseUrl(adminUrl, secrets.postgresServices, service)
  const postgresReady = timed(log, 'postgres ready', async () => {
    await startUntilReady(table, server)
    await createDatabases(adminUrl, secrets.postgresServices)
  })
  postgresReady.catch(() => undefined)
  return {
    postgres: { port: postgresPort, adminUrl, url },
    rabbitmq: {
      url: rabbitmq.url,
      managementUrl: rabbitmq.managementUrl,
      metricsUrl: rabbitmq.metricsUrl,
    },
    postgresReady,
    rabbitmqReady,
  }
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
