import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts } from '@auction/common/testing/ports.ts'
import type { Upstreams } from './gateway/render.ts'
import { gatewayAnswers, writeGateway } from './gateway/start.ts'
import {
  type Infrastructure,
  type Supervised,
  startInfrastructure,
  startUntilReady,
  timed,
} from './infrastructure.ts'
import { ensureTraefik } from './install/traefik.ts'
import { type Mailbox, startMailbox } from './mailbox.ts'
import type { ManagedProcess, ProcessTable } from './process-table.ts'
import { DATABASES, PROCESSES, UPSTREAMS } from './service-list.ts'
import { type Listeners, migrationSpec, type ServiceContext, serviceSpec } from './services.ts'

export interface PlatformOptions {
  stateDir: string
  /** Free by default; `make up` uses 9191. */
  gatewayPort?: number
  /** Additional settings by process; '*' is for all of them. */
  env?: Readonly<Record<string, NodeJS.ProcessEnv>>
  log?: (line: string) => void
  /** Starts a process again that died by itself, with growing pauses. */
  autoRestart?: boolean
  /** More bid API processes beside the first; they get names like bid-api-2. */
  extraBidApis?: number
  /** Ends the start: it stops what runs by then, and rejects. */
  signal?: AbortSignal
}

export interface Platform {
  gatewayUrl: string
  /** Addresses behind the gateway, by process name. */
  addresses: Map<string, string>
  /** Where auction-api serves gRPC. */
  grpcUrl: string
  /** Where Prometheus reads from what answers it, by process name. */
  metrics: Map<string, string>
  names: string[]
  postgres: Infrastructure['postgres']
  rabbitmq: Infrastructure['rabbitmq']
  internalSecret: string
  /** Mails that the platform has asked to be sent. */
  mailbox: Mailbox
  logFile(name: string): string
  pid(name: string): number
  /** Sends a signal to a process and its children; a deadly one is waited for. */
  kill(name: string, signal?: NodeJS.Signals): Promise<void>
  /** Starts a process again after kill: same ports, same data; resolves when it is ready. */
  restart(name: string): Promise<void>
  stop(): Promise<void>
}

// Downloaded programs are shared by every state folder and survive `make reset`.
export const PROGRAMS_DIR = fileURLToPath(new URL('../../.local/programs', import.meta.url))
const READY_TIMEOUT_MS = 180_000

/** Starts everything on this machine: databases, broker, gateway and every process. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const log = options.log ?? (() => {})
  const { stateDir, signal } = options
  const infrastructure = await startInfrastructure({ stateDir, log })
  try {
    return await Promise.race([startServices(infrastructure, options, log), aborted(signal)])
  } catch (error) {
    await stopAll(infrastructure)
    throw error
  }
}

/** Never resolves; rejects when the signal comes or came. */
async function aborted(signal: AbortSignal | undefined): Promise<never> {
  if (signal?.aborted !== true) {
    await new Promise<void>((resolve) => {
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  throw new Error('the start was ended')
}

async function startServices(
  infrastructure: Infrastructure,
  options: PlatformOptions,
  log: (line: string) => void,
): Promise<Platform> {
  const { stateDir } = options
  const binary = ensureTraefik(PROGRAMS_DIR, log)
  binary.catch(() => undefined)
  const names = processNames(options.extraBidApis ?? 0)
  const ports = await freePorts(names.length * 2 + 3)
  const gatewayPort = options.gatewayPort ?? ports.pop() ?? 0
  const gatewayMetricsPort = ports.pop() ?? 0
  const listeners = new Map<string, Listeners>(
    names.map((name) => [name, { port: ports.pop() ?? 0, opsPort: ports.pop() ?? 0 }]),
  )
  const context: ServiceContext = {
    stateDir,
    secrets: infrastructure.secrets,
    postgresPort: infrastructure.postgres.port,
    rabbitmqUrl: infrastructure.rabbitmq.url,
    publicUrl: `http://localhost:${gatewayPort}`,
    grpcPort: ports.pop() ?? 0,
    listeners,
  }
  const address = (name: string) => `http://127.0.0.1:${listeners.get(name)?.port}`
  await infrastructure.postgresReady
  await timed(log, 'migrations applied', () => migrateAll(infrastructure, context))
  const start = (name: string) => startService(infrastructure, name, context, options)
  const services = timed(log, 'services ready', () => Promise.all(names.map(start)))
  const gateway = timed(log, 'gateway ready', async () =>
    startGateway(
      infrastructure,
      await binary,
      [gatewayPort, gatewayMetricsPort],
      stateDir,
      Object.fromEntries(UPSTREAMS.map(({ name, service }) => [service, address(name)])),
    ),
  )
  await Promise.all([gateway, services, infrastructure.rabbitmqReady])
  const { rabbitmq, secrets } = infrastructure
  return createPlatform(options, infrastructure, names, {
    mailbox: await startMailbox(rabbitmq.url, secrets.mailSealKey),
    gatewayUrl: `http://127.0.0.1:${gatewayPort}`,
    grpcUrl: `http://127.0.0.1:${context.grpcPort}`,
    addresses: new Map(names.map((name) => [name, address(name)])),
    metrics: new Map([
      ...names.map((name) => [name, metricsOf(listeners.get(name)?.opsPort)] as const),
      ['traefik', metricsOf(gatewayMetricsPort)],
      ['rabbitmq', rabbitmq.metricsUrl],
    ]),
  })
}

const metricsOf = (port: number | undefined) => `http://127.0.0.1:${port}/metrics`

function processNames(extraBidApis: number): string[] {
  const extra = Array.from({ length: extraBidApis }, (_, index) => `bid-api-${index + 2}`)
  return [...PROCESSES.map(({ name }) => name), ...extra]
}

async function migrateAll({ table }: Infrastructure, context: ServiceContext): Promise<void> {
  await Promise.all(
    DATABASES.map(async (service) => {
      const spec = migrationSpec(service, context)
      const end = await table.spawn(spec).exited
      if (end !== 'code 0') throw table.ended(spec.name, end)
    }),
  )
}

async function startService(
  { table, supervised }: Infrastructure,
  name: string,
  context: ServiceContext,
  { env = {} }: PlatformOptions,
): Promise<void> {
  const listener = context.listeners.get(name)
  if (listener === undefined) throw new Error(`${name} has no ports`)
  // A further bid API differs from the first in its ports only.
  const base = name.startsWith('bid-api') ? 'bid-api' : name
  const spec = serviceSpec(
    base,
    { ...context, listeners: new Map([...context.listeners, [base, listener]]) },
    { ...env['*'], ...env[base] },
  )
  const ready = (process: ManagedProcess) => untilReady(table, name, listener.opsPort, process)
  const started: Supervised = {
    spec: { ...spec, name },
    ready,
    process: table.spawn({ ...spec, name }),
  }
  supervised.set(name, started)
  await ready(started.process)
}

async function startGateway(
  { table, supervised }: Infrastructure,
  binary: string,
  [port, metricsPort]: readonly [number, number],
  stateDir: string,
  upstreams: Upstreams,
): Promise<void> {
  const start = await writeGateway({ stateDir, port, metricsPort, upstreams })
  const spec = { name: 'traefik', command: binary, ...start, env: { PATH: process.env.PATH } }
  const url = `http://127.0.0.1:${port}`
  const ready = async (process: ManagedProcess) => {
    const deadlineMs = performance.now() + READY_TIMEOUT_MS
    while (!(await gatewayAnswers(url))) {
      if (!process.isRunning()) throw table.ended('traefik', await process.exited)
      if (performance.now() > deadlineMs) throw new Error('traefik did not become ready')
      await wait(25)
    }
  }
  const started: Supervised = { spec, ready, process: table.spawn(spec) }
  supervised.set('traefik', started)
  await ready(started.process)
}

async function untilReady(
  table: ProcessTable,
  name: string,
  opsPort: number,
  process: ManagedProcess,
): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${opsPort}/health/ready`).catch(() => undefined)
    const text = await answer?.text()
    if (answer?.ok === true) return
    if (!process.isRunning()) throw table.ended(name, await process.exited)
    if (performance.now() > deadlineMs)
      throw new Error(`${name} did not become ready: ${text ?? 'no answer'}`)
    await wait(50)
  }
}

function createPlatform(
  { autoRestart = false, log = () => {} }: PlatformOptions,
  infrastructure: Infrastructure,
  services: string[],
  addresses: Pick<Platform, 'gatewayUrl' | 'grpcUrl' | 'addresses' | 'metrics' | 'mailbox'>,
): Platform {
  const { supervised, table } = infrastructure
  let isStopping = false
  const get = (name: string): Supervised => {
    const found = supervised.get(name)
    if (found === undefined) throw new Error(`there is no process ${name}`)
    return found
  }
  const restart = async (name: string) => {
    const one = get(name)
    if (name === 'rabbitmq' && !get('epmd').process.isRunning()) {
      get('epmd').process = table.spawn(get('epmd').spec)
    }
    await startUntilReady(table, one)
  }
  const watch = async (name: string) => {
    for (;;) {
      const end = await get(name).process.exited
      if (isStopping) return
      log(`${name} ended with ${end} and is started again; see ${table.logFile(name)}`)
      await restart(name).catch((error: Error) => log(`${name}: ${error.message}`))
    }
  }
  if (autoRestart) {
    for (const name of ['postgres', 'rabbitmq', ...services, 'traefik']) void watch(name)
  }
  return {
    ...addresses,
    names: [...supervised.keys()].filter((name) => name !== 'epmd'),
    postgres: infrastructure.postgres,
    rabbitmq: infrastructure.rabbitmq,
    internalSecret: infrastructure.secrets.internalJwt,
    logFile: table.logFile,
    pid: (name) => get(name).process.pid,
    async kill(name, signal = 'SIGKILL') {
      get(name).process.signal(signal)
      if (signal === 'SIGKILL') await get(name).process.exited
    },
    restart,
    async stop() {
      isStopping = true
      await addresses.mailbox.close()
      await stopAll(infrastructure)
    },
  }
}

/** Services first, so that they still find what they need for a stop in good order. */
async function stopAll(infrastructure: Infrastructure): Promise<void> {
  const { supervised, table } = infrastructure
  table.close()
  // A start that was ended goes on until its next process, which must not come any more.
  infrastructure.table.close()
  const below = new Set(['postgres', 'rabbitmq', 'epmd'])
  const services = [...supervised].filter(([name]) => !below.has(name))
  await Promise.all(services.map(([, { process }]) => process.stop()))
  await infrastructure.stop()
  // Migrations that were under way.
  await infrastructure.table.clearLeftovers()
}
