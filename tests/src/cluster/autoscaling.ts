import { setTimeout as wait } from 'node:timers/promises'
import type { Cluster } from './commands.ts'
import { installPlatform, PLATFORM } from './installation.ts'
import type { PlottedSample } from './plot.ts'
import { type Ground, underTraffic } from './replacing.ts'
import type { Watch } from './traffic.ts'

export const CPU_TARGET = 70
const API = `${PLATFORM}-bid-api`
const PATIENCE_MS = 8 * 60_000
/** Few enough that one pod has nothing to do and bids still flow while the others leave. */
const QUIET_RATE = 6

const SCALED = [
  'enabled=true',
  'minReplicas=1',
  'maxReplicas=3',
  `targetCPUUtilizationPercentage=${CPU_TARGET}`,
  // In production five minutes, which would be most of this test.
  'scaleDownStabilizationSeconds=15',
].map((value) => `--set=bid.workloads.api.autoscaling.${value}`)

export interface Autoscaling {
  samples: PlottedSample[]
  /** What clients saw while pods were added, and while they were taken away. */
  up: Watch
  down: Watch
}

/** Bids until the API's CPU brings more pods, then hardly any until there is one again. */
export async function autoscale(ground: Ground): Promise<Autoscaling> {
  const { cluster, rate } = ground
  await installPlatform(ground, SCALED)
  await until(cluster, ({ load }) => load > 0, 'metrics of the bid API')
  const startedAtMs = performance.now()
  const samples: PlottedSample[] = []
  const sampleUntil = (isEnough: (sample: PlottedSample) => boolean, what: string) =>
    until(cluster, isEnough, what, (sample) => {
      samples.push({ ...sample, atSeconds: (performance.now() - startedAtMs) / 1000 })
    })

  const up = await underTraffic({ ...ground, rate }, async () => {
    await sampleUntil(({ replicas }) => replicas >= 2, 'a second pod')
    // Traffic goes on until the next one comes or is not needed.
    await sampleUntil(isAtRest(), 'the number of pods to rest')
  })
  const down = await underTraffic({ ...ground, rate: QUIET_RATE }, () =>
    sampleUntil(({ replicas }) => replicas === 1, 'a single pod'),
  )
  return { samples, up, down }
}

/** Nothing has changed for a while. */
function isAtRest(): (sample: PlottedSample) => boolean {
  let since = performance.now()
  let before = 0
  return ({ replicas }) => {
    if (replicas !== before) since = performance.now()
    before = replicas
    return performance.now() - since > 45_000
  }
}

async function until(
  cluster: Cluster,
  isEnough: (sample: PlottedSample) => boolean,
  what: string,
  keep: (sample: PlottedSample) => void = () => undefined,
): Promise<void> {
  for (const deadlineMs = performance.now() + PATIENCE_MS; ; await wait(1_000)) {
    const sample = await look(cluster)
    keep(sample)
    if (isEnough(sample)) return
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`)
  }
}

interface Scaler {
  status: {
    currentMetrics?: { resource?: { current: { averageUtilization?: number } } }[]
  }
}

async function look({ get }: Cluster): Promise<PlottedSample> {
  const [scaler, deployment] = await Promise.all([
    get<Scaler>('hpa', API),
    get<{ status: { readyReplicas?: number } }>('deployment', API),
  ])
  const load = scaler.status.currentMetrics?.[0]?.resource?.current.averageUtilization ?? 0
  return { atSeconds: 0, replicas: deployment.status.readyReplicas ?? 0, load }
}
