import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts } from '@auction/common/testing/ports.ts'
import { type Routes, readRoutes } from './gateway/routes.ts'
import { type GatewayOptions, gatewayAnswers, writeGateway } from './gateway/start.ts'
import {
  type Broker,
  type Infrastructure,
  type Supervised,
  startInfrastructure,
  startUntilReady,
  timed,
} from './infrastructure.ts'
import { ensureTraefik } from './install/traefik.ts'
import { type Mailbox, startMailbox } from './mailbox.ts'
import type { ManagedProcess, ProcessSpec, ProcessTable } from './process-table.ts'
import { type Sandbox, startSandbox } from './sandbox/server.ts'
import { DATABASES, PROCESSES, UPSTREAMS } from './service-list.ts'
import {
  type Listeners,
  migrationSpec,
  type ServiceContext,
  serviceSpec,
  topologySpec,
} from './services.ts'

export interface PlatformOptions {
  stateDir: string
  /** A vhost of a RabbitMQ that runs already; without it the platform starts one, which can be killed. */
  broker?: Broker | undefined
  /** Free by default; `make up` uses 9191. */
  gatewayPort?: number
  /** Additional settings by process; '*' is for all of them. */
  env?: Readonly<Record<string, NodeJS.ProcessEnv>>
  log?: (line: string) => void
  /** Starts a process again that died by itself, with growing pauses. */
  autoRestart?: boolean
  /** More bid API processes beside the first; they get names like bid-api-2. */
  extraBidApis?: number
  /** How many mails the mailbox keeps, for tools that count them; otherwise what its page shows. */
  mailsKept?: number
  /** More notification API processes, notification-api-2 and so on; the gateway takes turns with them. */
  extraNotificationApis?: number
  /** Multiplies the limits of requests at the gateway, for tools that send from one address. */
  rateFactor?: number
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
  /** Mails that the platform has sent. */
  mailbox: Mailbox
  /** The payment provider of this machine. */
  sandbox: Sandbox
  logFile(name: string): string
  pid(name: string): number
  /** False: it has ended, by itself or by `kill`. */
  isRunning(name: string): boolean
  /** Sends a signal to a process and its children; a deadly one is waited for. */
  kill(name: string, signal?: NodeJS.Signals): Promise<void>
  /** Starts a process again after kill: same ports, same data; resolves when it is ready. */
  restart(name: string): Promise<void>
  stop(): Promise<void>
}

// Downloaded programs are shared by every state folder and survive `make reset`.
export const PROGRAMS_DIR = fileURLToPath(new URL('../../.local/programs', import.meta.url))
const READY_TIMEOUT_MS = 180_000
/** Thirteen processes are asked at once while they need the processors to get ready. */
const READY_POLL_MS = 200

/** Starts everything on this machine: databases, broker, gateway and every process. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const log = options.log ?? (() => {})
  const { stateDir, broker, signal } = options
  const infrastructure = await startInfrastructure({ stateDir, broker, log })
  const mailbox = await startMailbox(options.mailsKept)
  const sandbox = await startSandbox({
    secretKey: infrastructure.secrets.stripeSecretKey,
    file: join(stateDir, 'sandbox', 'state.jsonl'),
  })
  try {
    const started = startServices(infrastructure, { mailbox, sandbox }, options, log)
    return await Promise.race([started, aborted(signal)])
  } catch (error) {
    await stopAll(infrastructure)
    await Promise.all([mailbox.close(), sandbox.close()])
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
  { mailbox, sandbox }: Pick<Platform, 'mailbox' | 'sandbox'>,
  options: PlatformOptions,
  log: (line: string) => void,
): Promise<Platform> {
  const { stateDir } = options
  const binary = ensureTraefik(PROGRAMS_DIR, log)
  binary.catch(() => undefined)
  const names = processNames(options)
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
    smtpPort: mailbox.smtpPort,
    sandboxUrl: sandbox.url,
    grpcPort: ports.pop() ?? 0,
    listeners,
  }
  const address = (name: string) => `http://127.0.0.1:${listeners.get(name)?.port}`
  sandbox.webhooks.sendTo({
    url: `http://127.0.0.1:${gatewayPort}/webhooks/payments/stripe`,
    secret: infrastructure.secrets.stripeWebhookSecret,
  })
  const topology = declareTopology(infrastructure, context, log)
  // A later `await` still sees the failure; until then the rejection must count as handled.
  topology.catch(() => undefined)
  await infrastructure.postgresReady
  await timed(log, 'migrations applied', () => migrateAll(infrastructure, context))
  const start = async (name: string) => {
    if (usesBroker(name)) await topology
    await startService(infrastructure, name, context, options)
  }
  const services = timed(log, 'services ready', () => Promise.all(names.map(start)))
  const gateway = timed(log, 'gateway ready', async () =>
    startGateway(infrastructure, await binary, {
      stateDir,
      port: gatewayPort,
      metricsPort: gatewayMetricsPort,
      upstreams: Object.fromEntries(
        UPSTREAMS.map(({ name, service }) => [service, behindGateway(name, options).map(address)]),
      ),
      routes: multiplyRates(await readRoutes(), options.rateFactor ?? 1),
    }),
  )
  await Promise.all([gateway, services, topology])
  const { metricsUrl } = infrastructure.rabbitmq
  return createPlatform(options, infrastructure, names, {
    mailbox,
    sandbox,
    gatewayUrl: `http://127.0.0.1:${gatewayPort}`,
    grpcUrl: `http://127.0.0.1:${context.grpcPort}`,
    addresses: new Map(names.map((name) => [name, address(name)])),
    metrics: new Map([
      ...names.map((name) => [name, metricsOf(listeners.get(name)?.opsPort)] as const),
      ['traefik', metricsOf(gatewayMetricsPort)],
      ...(metricsUrl === undefined ? [] : [['rabbitmq', metricsUrl] as const]),
    ]),
  })
}

function multiplyRates(routes: Routes, factor: number): Routes {
  const rateClasses = Object.entries(routes.rateClasses).map(
    ([name, { average, burst, period }]) => [
      name,
      { average: average * factor, burst: burst * factor, period },
    ],
  )
  return { ...routes, rateClasses: Object.fromEntries(rateClasses) }
}

const metricsOf = (port: number | undefined) => `http://127.0.0.1:${port}/metrics`

function processNames(options: PlatformOptions): string[] {
  const { extraBidApis = 0, extraNotificationApis = 0 } = options
  return [
    ...PROCESSES.map(({ name }) => name),
    ...replicas('bid-api', extraBidApis),
    ...replicas('notification-api', extraNotificationApis),
  ]
}

const replicas = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${name}-${index + 2}`)

/** Of an API: its one process behind the gateway, or all that take turns. */
function behindGateway(name: string, { extraNotificationApis = 0 }: PlatformOptions): string[] {
  if (name !== 'notification-api') return [name]
  return [name, ...replicas(name, extraNotificationApis)]
}

async function migrateAll({ table }: Infrastructure, context: ServiceContext): Promise<void> {
  await Promise.all(DATABASES.map((service) => runToItsEnd(table, migrationSpec(service, context))))
}

/** One process declares exchanges and queues, as in the cluster: it takes seconds, and every worker would do it twice. */
async function declareTopology(
  { table, rabbitmqReady }: Infrastructure,
  context: ServiceContext,
  log: (line: string) => void,
): Promise<void> {
  await rabbitmqReady
  await timed(log, 'queues declared', () => runToItsEnd(table, topologySpec(context)))
}

async function runToItsEnd(table: ProcessTable, spec: ProcessSpec): Promise<void> {
  const end = await table.spawn(spec).exited
  if (end !== 'code 0') throw table.ended(spec.name, end)
}

/** Such a process can do nothing before the queues exist. */
const usesBroker = (name: string) =>
  PROCESSES.some((one) => one.name === firstOf(name) && one.settings.includes('broker'))

/** A further replica differs from the first in its ports only. */
const firstOf = (name: string) => name.replace(/-\d+$/, '')

async function startService(
  { table, supervised }: Infrastructure,
  name: string,
  context: ServiceContext,
  { env = {} }: PlatformOptions,
): Promise<void> {
  const listener = context.listeners.get(name)
  if (listener === undefined) throw new Error(`${name} has no ports`)
  const base = firstOf(name)
  const spec = serviceSpec(
    base,
    { ...context, listeners: new Map([...context.listeners, [base, listener]]) },
    { RABBITMQ_TOPOLOGY: 'expect', ...env['*'], ...env[base] },
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
  options: GatewayOptions,
): Promise<void> {
  const start = await writeGateway(options)
  const spec = { name: 'traefik', command: binary, ...start, env: { PATH: process.env.PATH } }
  const url = `http://127.0.0.1:${options.port}`
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
    await wait(READY_POLL_MS)
  }
}

function createPlatform(
  { autoRestart = false, log = () => {} }: PlatformOptions,
  infrastructure: Infrastructure,
  services: string[],
  addresses: Pick<
    Platform,
    'gatewayUrl' | 'grpcUrl' | 'addresses' | 'metrics' | 'mailbox' | 'sandbox'
  >,
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
    for (const name of ['postgres', 'rabbitmq', ...services, 'traefik']) {
      if (supervised.has(name)) void watch(name)
    }
  }
  return {
    ...addresses,
    names: [...supervised.keys()].filter((name) => name !== 'epmd'),
    postgres: infrastructure.postgres,
    rabbitmq: infrastructure.rabbitmq,
    internalSecret: infrastructure.secrets.internalJwt,
    logFile: table.logFile,
    pid: (name) => get(name).process.pid,
    isRunning: (name) => get(name).process.isRunning(),
    async kill(name, signal = 'SIGKILL') {
      get(name).process.signal(signal)
      if (signal === 'SIGKILL') await get(name).process.exited
    },
    restart,
    async stop() {
      isStopping = true
      await stopAll(infrastructure)
      await Promise.all([addresses.mailbox.close(), addresses.sandbox.close()])
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
