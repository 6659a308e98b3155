import type { Cluster } from './commands.ts'
import { DATA, PLATFORM } from './installation.ts'
import { runStranger } from './pods.ts'

export interface Probe {
  from: string
  to: string
  isAllowed: boolean
  isReached: boolean
}

const TARGETS = {
  'postgres identity': [`${DATA}-postgres-identity`, 5432],
  'postgres auction': [`${DATA}-postgres-auction`, 5432],
  'postgres bid': [`${DATA}-postgres-bid`, 5432],
  broker: [`${DATA}-rabbitmq`, 5672],
  'broker management': [`${DATA}-rabbitmq`, 15672],
  identity: [`${PLATFORM}-identity`, 8080],
  auction: [`${PLATFORM}-auction`, 8080],
  bid: [`${PLATFORM}-bid`, 8080],
  web: [`${PLATFORM}-web`, 8080],
  internet: ['1.1.1.1', 443],
} as const
type Target = keyof typeof TARGETS

// Written down a second time, by hand: charts that opened too much would agree with themselves.
// A Service that leads a pod back to itself is no way through the network.
const ALLOWED: Readonly<Record<string, readonly Target[]>> = {
  'identity-api': ['postgres identity', 'identity', 'auction', 'bid'],
  'identity-worker': ['postgres identity', 'broker', 'auction', 'bid'],
  'auction-api': ['postgres auction', 'auction', 'identity', 'bid'],
  'auction-worker': ['postgres auction', 'broker', 'bid', 'identity'],
  'bid-api': ['postgres bid', 'bid', 'identity'],
  'bid-worker': ['postgres bid', 'broker', 'auction'],
  'web-server': ['auction', 'bid', 'web'],
}

// A name that may not be looked up takes the resolver longer than anybody waits.
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
  // As somebody who got into the namespace would start one.
  const command = ['sh', '-c', 'node -e "$0" "$1" || true', PROBE, targets]
  const stranger = reachedIn(await runStranger(cluster, 'stranger', command))
  return [...probes, ...compare('a pod of another release', [], stranger)]
}

function compare(from: string, allowed: readonly Target[], reached: { [to: string]: boolean }) {
  return Object.entries(reached).map(([to, isReached]) => ({
    ...{ from, to, isReached },
    isAllowed: allowed.some((target) => target === to),
  }))
}

/** The shell may say "Killed" before or after it. */
function reachedIn(output: string): { [to: string]: boolean } {
  const [json] = /\{.*\}/s.exec(output) ?? []
  if (json === undefined) throw new Error(`the probe said ${output}`)
  return JSON.parse(json)
}
