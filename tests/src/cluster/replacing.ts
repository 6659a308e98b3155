import { setTimeout as wait } from 'node:timers/promises'
import { PROCESSES, SERVICE_NAMES } from '@auction/local/service-list.ts'
import { type Cluster, run } from './commands.ts'
import {
  CHARTS,
  installData,
  installPlatform,
  PLATFORM,
  podsOf,
  servicesOf,
  type Target,
  twoOfEach,
  untilReplaced,
} from './installation.ts'
import type { Court } from './judging.ts'
import { openProvider, startPaying, takesPayments } from './paying.ts'
import { type BidRecord, startTraffic, type Traffic, type Trouble, type Watch } from './traffic.ts'
import { openPages } from './watching.ts'

export const WORKLOADS = PROCESSES.map(({ service, workload }) => [service, workload] as const)

export const selectorOf = ([name, component]: readonly [string, string]) =>
  `app.kubernetes.io/instance=${PLATFORM},app.kubernetes.io/name=${name},app.kubernetes.io/component=${component}`

export interface Ground extends Target {
  rate: number
  record: BidRecord
  log: (line: string) => void
}

export async function underTraffic(
  { gateway, rate, record }: Ground,
  work: (traffic: Traffic) => Promise<void>,
): Promise<Watch> {
  const traffic = await startTraffic(gateway, rate, record)
  try {
    await untilMore(traffic.acceptedCount, 50)
    await work(traffic)
    await untilMore(traffic.acceptedCount, 50)
  } finally {
    await traffic.stop()
  }
  return traffic.watch
}

/** What an upgrade begins with: images and charts, ours where they are absent. */
export interface FormerVersion {
  tag: string | undefined
  charts: string | undefined
}

/**
 * Every pod is replaced by `helm upgrade` and again by `helm rollback`, under traffic: by the same
 * version, or from another version and back to it. Pages of lots are open and buyers pay meanwhile.
 * As operators do it, the data is upgraded first; that is before the traffic, because the data of
 * the local profile has one replica of everything.
 */
export async function upgrade(court: Court, from: FormerVersion): Promise<Watch> {
  const { cluster, log } = court
  const former = { ...court, tag: from.tag ?? court.tag, charts: from.charts ?? CHARTS }
  const provider = takesPayments(former.charts) ? await openProvider(court) : undefined
  const values = provider?.values ?? []
  if (provider === undefined) log('  the former version takes no payments: none are made')
  const isLive = servicesOf(former.charts).some(({ name }) => name === 'notification')
  if (!isLive) log('  the former version has no live prices: no pages are open')
  await installPlatform(former, [...twoOfEach(former.charts), ...values])
  await installData(cluster)
  // Where databases were replaced, pods were unready for as long.
  await cluster.kubectl('wait', 'deployment', '--all', '--for=condition=Available', '--timeout=5m')
  const replace = async () => {
    const mark = `--set-string=%.podAnnotations.upgraded=${Date.now()}`
    const marks = SERVICE_NAMES.map((service) => mark.replace('%', service))
    const startedAtMs = performance.now()
    await installPlatform(court, [...twoOfEach(), ...values, ...marks])
    log(`  upgraded in ${seconds(startedAtMs)} s`)
  }
  const rollBack = async () => {
    const startedAtMs = performance.now()
    await cluster.helm('rollback', PLATFORM, '--wait', '--timeout=5m')
    log(`  rolled back in ${seconds(startedAtMs)} s`)
  }
  try {
    return await underTraffic(court, async ({ watch, acceptedCount }) => {
      const pages = isLive ? await openPages(court, watch) : undefined
      const paying = provider && (await startPaying(court, provider, watch))
      try {
        for (const step of [replace, rollBack, async () => {}]) {
          await untilMore(acceptedCount, 20)
          if (pages) await untilMore(pages.shown, 10, 'bids on open pages')
          if (paying) await untilMore(paying.paid, 5, 'payments')
          await step()
        }
        await pages?.judge()
        await paying?.judge()
      } finally {
        await Promise.all([pages?.close(), paying?.close()])
      }
    })
  } finally {
    await provider?.sandbox.close()
  }
}

/** Every pod of the platform is evicted in turn, as a drain does it, under traffic. */
export async function evict(ground: Ground): Promise<Watch> {
  const { cluster, log } = ground
  await installPlatform(ground, twoOfEach())
  return underTraffic(ground, async ({ watch }) => {
    for (const workload of WORKLOADS) {
      const selector = selectorOf(workload)
      const pods = await podsOf(cluster, selector)
      for (const { metadata } of pods) {
        const before = watch.troubles.length
        const evictedAtMs = performance.now()
        await evictPod(cluster, metadata.name)
        await untilReplaced(cluster, selector, new Set([metadata.uid]), pods.length)
        const failed = watch.troubles.slice(before)
        if (failed.length > 0) log(`  ${failed.length} failed while ${metadata.name} was replaced`)
        for (const line of summary(failed, evictedAtMs)) log(`    ${line}`)
      }
      log(`  evicted ${pods.length} of ${workload.join(' ')}`)
    }
  })
}

/** What went wrong, how often, and how long after: `39 x POST …: no answer, 2.1 to 2.6 s after`. */
function summary(troubles: readonly Trouble[], sinceMs: number): string[] {
  const kinds = Map.groupBy(troubles, ({ what }) => what.replaceAll(/[0-9a-f-]{36}/g, '…'))
  return [...kinds].map(([what, those]) => {
    const times = those.map(({ atMs }) => ((atMs - sinceMs) / 1000).toFixed(1))
    return `${those.length} x ${what}, ${times[0]} to ${times.at(-1)} s after`
  })
}

async function evictPod({ namespace, kubectl }: Cluster, name: string): Promise<void> {
  const eviction = JSON.stringify({
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
  })
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`
  for (const deadlineMs = performance.now() + 120_000; ; ) {
    try {
      await run('kubectl', ['create', '--raw', path, '--filename=-'], { input: eviction })
      return
    } catch (error) {
      // 429: the disruption budget has nothing left until the last one is ready again.
      const pods = await kubectl('get', 'pod', name, '--ignore-not-found', '--output=name')
      if (pods === '') return
      if (performance.now() > deadlineMs) throw error
      await wait(1_000)
    }
  }
}

export async function untilMore(count: () => number, more: number, what = 'bids'): Promise<void> {
  const target = count() + more
  const deadlineMs = performance.now() + 180_000
  while (count() < target) {
    if (performance.now() > deadlineMs) throw new Error(`${what} do not flow`)
    await wait(20)
  }
}

const seconds = (sinceMs: number) => ((performance.now() - sinceMs) / 1000).toFixed(1)
