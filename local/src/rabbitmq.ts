import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ProcessSpec } from './process-table.ts'

export interface RabbitmqOptions {
  server: string
  stateDir: string
  ports: {
    amqp: number
    management: number
    metrics: number
    distribution: number
    epmd: number
  }
  user: string
  password: string
  cookie: string
}

export interface PreparedRabbitmq {
  /** Erlang's name service, which the broker would otherwise start as a daemon and leave behind. */
  epmd: ProcessSpec
  spec: ProcessSpec
  url: string
  managementUrl: string
  metricsUrl: string
}

const READY_TIMEOUT_MS = 180_000

/** Writes the broker's settings and returns how to start it; everything of it is in the state folder. */
export function prepareRabbitmq(options: RabbitmqOptions): PreparedRabbitmq {
  const { ports, user, password } = options
  const home = join(options.stateDir, 'rabbitmq')
  mkdirSync(home, { recursive: true })
  const cookie = join(home, '.erlang.cookie')
  if (!existsSync(cookie)) writeFileSync(cookie, options.cookie)
  chmodSync(cookie, 0o400)
  const file = (name: string, content: string) => {
    writeFileSync(join(home, name), content)
    return join(home, name)
  }
  const settings = [
    `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
    `management.tcp.ip = 127.0.0.1`,
    `management.tcp.port = ${ports.management}`,
    `prometheus.tcp.ip = 127.0.0.1`,
    `prometheus.tcp.port = ${ports.metrics}`,
    `default_user = ${user}`,
    `default_pass = ${password}`,
    'default_user_tags.administrator = true',
  ]
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    HOME: home,
    RABBITMQ_NODENAME: 'auction@localhost',
    RABBITMQ_CONFIG_FILE: file('rabbitmq.conf', `${settings.join('\n')}\n`),
    RABBITMQ_ENABLED_PLUGINS_FILE: file(
      'enabled_plugins',
      '[rabbitmq_management,rabbitmq_prometheus].\n',
    ),
    RABBITMQ_CONF_ENV_FILE: file('rabbitmq-env.conf', ''),
    RABBITMQ_MNESIA_BASE: join(home, 'data'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_DIST_PORT: String(ports.distribution),
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // Idle schedulers must not spin on a machine that has everything else to run as well.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
      '+sbwt none +sbwtdcpu none +sbwtdio none',
      // Erlang's own port would otherwise listen on every interface of the machine.
      '-kernel inet_dist_use_interface {127,0,0,1}',
    ].join(' '),
  }
  return {
    epmd: {
      name: 'epmd',
      command: epmdProgram(options.server),
      args: ['-port', String(ports.epmd), '-address', '127.0.0.1'],
      env: { PATH: process.env.PATH },
    },
    spec: { name: 'rabbitmq', command: options.server, args: [], cwd: home, env },
    url: `amqp://${user}:${password}@127.0.0.1:${ports.amqp}`,
    managementUrl: `http://${user}:${password}@127.0.0.1:${ports.management}`,
    metricsUrl: `http://127.0.0.1:${ports.metrics}/metrics`,
  }
}

function epmdProgram(server: string): string {
  const which = spawnSync('sh', ['-c', 'command -v epmd'], { encoding: 'utf8' }).stdout.trim()
  if (which !== '') return which
  const beside = join(dirname(server), 'epmd')
  if (existsSync(beside)) return beside
  throw new Error('epmd, a part of Erlang, is not on the PATH')
}

/** Waits until the broker serves its management API, which comes after AMQP. */
export async function untilRabbitmqReady(
  managementUrl: string,
  isRunning: () => boolean,
): Promise<void> {
  const address = new URL(managementUrl)
  const authorization = `Basic ${btoa(`${address.username}:${address.password}`)}`
  const deadlineMs = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    const answer = await fetch(`${address.origin}/api/health/checks/local-alarms`, {
      headers: { authorization },
    }).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok === true) return
    if (!isRunning()) throw new Error('rabbitmq ended while it was starting; see its log')
    if (performance.now() > deadlineMs) throw new Error('rabbitmq did not become ready')
    await wait(100)
  }
}
