import { setTimeout as wait } from 'node:timers/promises'
import { DATABASES } from '@auction/local/service-list.ts'
import { type Cluster, openCluster } from './commands.ts'
import { DATA, isReady, type Pod, podsOf } from './installation.ts'
import { type Ground, selectorOf, underTraffic, untilMore, WORKLOADS } from './replacing.ts'
import type { Watch } from './traffic.ts'

export interface Kill {
  name: string
  /** From the kill to the next 20 bids that were answered as accepted. */
  bidsAfterMs: number
  /** From the kill to the pod being ready again. */
  readyAfterMs: number
}

const VICTIMS = [
  ...WORKLOADS.map((workload) => [workload.join(' '), selectorOf(workload)] as const),
  ...DATABASES.map(
    (name) =>
      [
        `postgres ${name}`,
        `app.kubernetes.io/instance=${DATA},auction-platform/database=${name}`,
      ] as const,
  ),
  ['rabbitmq', `app.kubernetes.io/instance=${DATA},auction-platform/broker=rabbitmq`] as const,
]

/** The processes of one pod of every kind, databases and broker included, are killed with -9. */
export async function kill(ground: Ground, kills: Kill[]): Promise<Watch> {
  const { cluster, log } = ground
  const killer = await startKiller(cluster)
  try {
    return await underTraffic(ground, async ({ acceptedCount }) => {
      for (const [name, selector] of VICTIMS) {
        const [victim] = (await podsOf(cluster, selector)).filter(isReady)
        if (victim === undefined) throw new Error(`no pod of ${name} is ready`)
        const killedAtMs = performance.now()
        await killer.kill(victim)
        const since = () => performance.now() - killedAtMs
        const bids = untilMore(acceptedCount, 20).then(since)
        await untilRestarted(cluster, victim)
        const readyAfterMs = since()
        const bidsAfterMs = await bids
        kills.push({ name, bidsAfterMs, readyAfterMs })
        const ready = (readyAfterMs / 1000).toFixed(1)
        log(
          `  ${name.padEnd(18)} 20 bids after ${(bidsAfterMs / 1000).toFixed(1)} s, ready again after ${ready} s`,
        )
      }
    })
  } finally {
    await killer.stop()
  }
}

const restartsOf = ({ status }: Pod) =>
  (status.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0)

async function untilRestarted(cluster: Cluster, victim: Pod): Promise<void> {
  const { name } = victim.metadata
  for (const deadlineMs = performance.now() + 180_000; ; await wait(250)) {
    const pod = await cluster.get<Pod>('pod', name)
    if (restartsOf(pod) > restartsOf(victim) && isReady(pod)) return
    if (performance.now() > deadlineMs) throw new Error(`${name} did not become ready again`)
  }
}

/**
 * A pod that sees the node's processes. A process cannot be killed with -9 from inside its own
 * container, and a pod that is deleted by force may run on beside its successor: two databases on
 * one disk, which is how commits are lost.
 */
async function startKiller({ namespace }: Cluster) {
  const cluster = openCluster(`${namespace}-killer`)
  const name = 'killer'
  await cluster.apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: cluster.namespace,
        labels: { 'pod-security.kubernetes.io/enforce': 'privileged' },
      },
    }),
  )
  await cluster.apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        hostPID: true,
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name,
            image: 'docker.io/library/node:24-slim',
            imagePullPolicy: 'IfNotPresent',
            command: ['sleep', 'infinity'],
            securityContext: { runAsUser: 0 },
          },
        ],
      },
    }),
  )
  await cluster.kubectl('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=60s')
  return {
    async kill({ metadata }: Pod) {
      // The name of the control group carries the pod's id, with dashes or underscores.
      const id = metadata.uid.replaceAll('-', '[-_]')
      const script = `for p in $(grep -lE 'pod${id}' /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3)
        do kill -9 "$p" 2>/dev/null && echo "$p"; done; true`
      const killed = await cluster.kubectl('exec', name, '--', 'sh', '-c', script)
      if (killed.trim() === '') throw new Error(`no process of ${metadata.name} was found`)
    },
    stop: () => cluster.kubectl('delete', 'namespace', cluster.namespace, '--wait'),
  }
}
