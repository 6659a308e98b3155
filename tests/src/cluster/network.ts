import { DATABASES, PROCESSES, SERVICE_NAMES } from '@auction/local/service-list.ts'
import type { Cluster } from './commands.ts'
import { DATA, PLATFORM } from './installation.ts'
import { runStranger } from './pods.ts'

export interface Probe {
  from: string
  to: string
  isAllowed: boolean
  isReached: boolean
}

/** Not every cluster has a way there, so what may go there need not arrive. */
export const INTERNET = 'internet'

type Address = readonly [host: string, port: number]

const TARGETS: Readonly<Record<string, Address>> = {
  ...Object.fromEntries(
    DATABASES.map((name): [string, Address] => [
      `postgres ${name}`,
      [`${DATA}-postgres-${name}`, 5432],
    ]),
  ),
  broker: [`${DATA}-rabbitmq`, 5672],
  'broker management': [`${DATA}-rabbitmq`, 15672],
  ...Object.fromEntries(
    SERVICE_NAMES.map((name): [string, Address] => [name, [`${PLATFORM}-${name}`, 8080]]),
  ),
  [INTERNET]: ['1.1.1.1', 443],
}

/**
 * What each workload may reach, computed from the list of services and not from the policies that
 * the charts render: a chart that opened too much would agree with itself.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  PROCESSES.map(({ service, workload, calls, isOutside, settings, port }) => [
    `${service}-${workload}`,
    [
      ...calls,
      ...(settings.includes('postgres') ? [`postgres ${service}`] : []),
      ...(settings.includes('broker') ? ['broker'] : []),
      ...(settings.includes('verify') ? ['identity'] : []),
      ...(isOutside ? [INTERNET] : []),
      // A Service that leads a pod back to itself is no way through the network.
      ...(port === undefined ? [] : [service]),
    ],
  ]),
)

// A name that may not be looked up takes the resolver longer than the test waits.
const PROBE = `const net = require('node:net');
const targets = JSON.parse(process.argv[1]);
Promise.all(Object.entries(targets).map(([name, [host, port]]) => new Promise((resolve) => {
  const socket = net.connect({ host, port });
  const end = (isReached) => { socket.destroy(); resolve([name, isReached]) };
  setTimeout(() => end(false), 5000);
  socket.on('connect', () => end(true));
  socket.on('error', () => end(false));
}))).then((all) => {
  require('node:fs').writeSync(1, JSON.stringify(Object.fromEntries(all)));
  process.kill(process.pid, 'SIGKILL');
})`

/** Tries every way from every workload, and from a pod that is none of ours, to everything. */
export async function probeNetwork(cluster: Cluster): Promise<Probe[]> {
  const probes: Probe[] = []
  const targets = JSON.stringify(TARGETS)
  for (const [from, allowed] of Object.entries(ALLOWED)) {
    // Killed at the end, since a resolver that still waits would keep it; so `|| true`.
    const probe = 'node -e "$0" "$1" || true'
    const reached = await cluster.kubectl(
      ...['exec', `deployment/${PLATFORM}-${from}`, '--', 'sh', '-c', probe, PROBE, targets],
    )
    probes.push(...compare(from, allowed, reachedIn(reached)))
  }
  // As an intruder in the namespace would start one.
  const command = ['sh', '-c', 'node -e "$0" "$1" || true', PROBE, targets]
  const stranger = reachedIn(await runStranger(cluster, 'stranger', command))
  return [...probes, ...compare('a pod of another release', [], stranger)]
}

function compare(from: string, allowed: readonly string[], reached: { [to: string]: boolean }) {
  return Object.entries(reached).map(([to, isReached]) => ({
    from,
    to,
    isReached,
    isAllowed: allowed.includes(to),
  }))
}

/** The shell may say "Killed" before or after it. */
function reachedIn(output: string): { [to: string]: boolean } {
  const [json] = /\{.*\}/s.exec(output) ?? []
  if (json === undefined) throw new Error(`the probe said ${output}`)
  return JSON.parse(json)
}
