import { setTimeout as wait } from 'node:timers/promises'
import { createChance } from '#src/crash/history.ts'
import { installPlatform, PLATFORM, twoOfEach } from './installation.ts'
import { type Ground, underTraffic } from './replacing.ts'
import type { Watch } from './traffic.ts'

const FLAPPED = ['auction-worker', 'bid-worker', 'bid-api']
const COUNTS = [1, 2, 3, 4, 5]
const STEPS = 12
// KEDA would bring its own number back.
const BY_HAND = '--set=auction.workloads.worker.autoscaling.enabled=false'

export interface Flapping {
  /** Between two changes. */
  stepMs: number
  /** Absent: another run each time. */
  seed?: number | undefined
}

/** Workers and the bid API get other numbers of pods, one to five, again and again under traffic. */
export async function flap(
  ground: Ground,
  { stepMs, seed = Date.now() }: Flapping,
): Promise<Watch> {
  const { cluster, log } = ground
  const chance = createChance(seed)
  log(`  seed ${seed}`)
  await installPlatform(ground, [...twoOfEach(), BY_HAND])
  return underTraffic(ground, async () => {
    for (let step = 0; step < STEPS; step += 1) {
      const counts = FLAPPED.map(() => chance.pick(COUNTS))
      for (const [index, name] of FLAPPED.entries()) {
        const replicas = `--replicas=${counts[index]}`
        await cluster.kubectl('scale', `deployment/${PLATFORM}-${name}`, replicas)
      }
      log(`  ${FLAPPED.map((name, index) => `${counts[index]} ${name}`).join(', ')}`)
      await wait(stepMs)
    }
  })
}
