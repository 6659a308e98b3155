import { mkdirSync, writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { fileURLToPath } from 'node:url'
import { autoscale, CPU_TARGET } from './autoscaling.ts'
import { type Certificate, installCertificate } from './certificate.ts'
import { run } from './commands.ts'
import { flap } from './flapping.ts'
import { tryGateway } from './gateway.ts'
import {
  DATA,
  installData,
  installPlatform,
  makeImages,
  makeNamespace,
  openWays,
  PLATFORM,
  RESULTS,
} from './installation.ts'
import { byKind, type Court, compare, judge } from './judging.ts'
import { type Kill, kill } from './killing.ts'
import { INTERNET, type Probe, probeNetwork } from './network.ts'
import { tryNotices } from './noticing.ts'
import { plotScaling } from './plot.ts'
import { evict, upgrade } from './replacing.ts'
import { scale } from './scaling.ts'
import type { Phase, Settings } from './settings.ts'
import { trace } from './tracing.ts'
import { validate } from './validating.ts'

export const VERSION = '0.1.0'
const SCALE_EVENTS = 20_000
const BACKUP = fileURLToPath(new URL('../../../k8s/backup.sh', import.meta.url))

export interface Stage {
  court: Court
  settings: Settings
  /** None when the gateway answers without TLS. */
  certificate: Certificate | undefined
}

export type Phases = { [phase in Phase]: () => Promise<void> }

export function createPhases({ court, settings, certificate }: Stage): Phases {
  const { cluster, log, fail } = court
  let installedAtMs = 0
  return {
    async images() {
      if (settings.tag === undefined) court.tag = await makeImages(settings, VERSION)
      log(`  tag ${court.tag}`)
    },
    validate: () => validate(court),
    async install() {
      await makeNamespace(cluster)
      if (certificate !== undefined) await installCertificate(cluster, certificate)
      installedAtMs = performance.now()
      await installData(cluster)
      await installPlatform(court)
    },
    async test() {
      log(indent(await cluster.helm('test', PLATFORM, '--logs', '--timeout=3m')))
      if (installedAtMs === 0) return
      const minutes = (performance.now() - installedAtMs) / 60_000
      log(`  from nothing to a bid, a hammer and a read: ${minutes.toFixed(1)} min`)
      if (minutes > 5) fail('the first bid took longer than five minutes')
    },
    async network() {
      const probes = await probeNetwork(cluster)
      const isMissed = ({ isAllowed, isReached, to }: Probe) =>
        isAllowed && !isReached && to === INTERNET
      const differing = probes.filter(({ isAllowed, isReached }) => isAllowed !== isReached)
      const wrong = differing.filter((probe) => !isMissed(probe))
      if (wrong.length < differing.length)
        log('  there is no way to the internet from this cluster')
      const open = probes.filter(({ isReached }) => isReached).length
      log(`  ${probes.length} ways tried, ${open} open`)
      for (const { from, to, isReached } of wrong)
        fail(`${from} ${isReached ? 'reaches' : 'does not reach'} ${to}`)
    },
    async traces() {
      const { senders, silent, isStrangerLetIn } = await trace(court)
      log(`  ${senders.length} processes sent spans to another namespace: ${senders.join(', ')}`)
      if (silent.length > 0) fail(`nothing came from ${silent.join(', ')}`)
      if (isStrangerLetIn) fail('a pod of another namespace reaches the collector')
    },
    gateway: () => tryGateway(court, certificate?.file),
    notices: () => tryNotices(court),
    async upgrade() {
      judge(court, await upgrade(court, { tag: settings.from, charts: settings.fromCharts }))
      await compare(court)
    },
    async evict() {
      judge(court, await evict(court))
      await compare(court)
    },
    async flap() {
      const { flapSeconds, seed } = settings
      judge(court, await flap(court, { stepMs: flapSeconds * 1_000, seed }))
      await compare(court)
    },
    async kill() {
      const kills: Kill[] = []
      const watch = await kill(court, kills)
      log(`  ${watch.requests} requests, ${watch.troubles.length} without a good answer meanwhile`)
      for (const [what, count] of byKind(watch)) log(`    ${String(count).padStart(6)} ${what}`)
      await compare(court)
    },
    scale: () => tryScaling(court),
    hpa: () => tryAutoscaling(court),
    restore: () => tryRestoring(court),
    async reinstall() {
      await cluster.helm('uninstall', PLATFORM, '--wait')
      await cluster.helm('uninstall', DATA, '--wait')
      await installData(cluster)
      await installPlatform(court)
      await compare(court)
    },
  }
}

async function tryScaling(court: Court): Promise<void> {
  const { cluster, log, fail } = court
  const ways = await openWays(cluster)
  const scaling = await scale(court, { events: SCALE_EVENTS, ways })
  ways.close()
  const { samples, bids, bidSeconds } = scaling
  const most = Math.max(...samples.map(({ replicas }) => replicas))
  const deepest = Math.max(...samples.map(({ backlog }) => backlog))
  const last = samples.at(-1)
  log(`  ${bids} bids accepted in ${bidSeconds.toFixed(0)} s, at most ${deepest} messages waiting`)
  log(
    `  workers: ${samples[0]?.replicas} to ${most} to ${last?.replicas}, over after ${last?.atSeconds.toFixed(0)} s`,
  )
  if (most < 2) fail('no worker was added')
  if (last?.replicas !== 1 || last.backlog !== 0) fail('the workers were not taken away again')
  mkdirSync(RESULTS, { recursive: true })
  const plot = plotScaling(
    samples.map(({ backlog, ...sample }) => ({ ...sample, load: backlog })),
    {
      title: `${bids} bids: auction workers by queue depth`,
      load: 'messages before the workers',
      replicas: 'workers ready',
    },
  )
  writeFileSync(joinPath(RESULTS, 'scaling.svg'), plot)
  writeFileSync(joinPath(RESULTS, 'scaling.json'), JSON.stringify(samples))
  log(`  plot in ${joinPath(RESULTS, 'scaling.svg')}`)
  await compare(court)
}

async function tryAutoscaling(court: Court): Promise<void> {
  const { log, fail } = court
  const { samples, up, down } = await autoscale(court)
  const most = Math.max(...samples.map(({ replicas }) => replicas))
  const last = samples.at(-1)
  const hottest = Math.max(...samples.map(({ load }) => load))
  log(`  CPU of the bid API: up to ${hottest} % of its request, wanted are ${CPU_TARGET} %`)
  log(
    `  its pods: ${samples[0]?.replicas} to ${most} to ${last?.replicas} in ${last?.atSeconds.toFixed(0)} s`,
  )
  if (most < 2) fail('no pod was added')
  if (last?.replicas !== 1) fail('the pods were not taken away again')
  mkdirSync(RESULTS, { recursive: true })
  const title = 'pods of the bid API by CPU'
  const legend = { title, load: 'CPU in percent of the request', replicas: 'pods ready' }
  writeFileSync(joinPath(RESULTS, 'hpa.svg'), plotScaling(samples, legend))
  log(`  plot in ${joinPath(RESULTS, 'hpa.svg')}`)
  for (const watch of [up, down]) judge(court, watch)
  await compare(court)
}

async function tryRestoring(court: Court): Promise<void> {
  const { cluster, log } = court
  const folder = joinPath(RESULTS, 'backup')
  const env = { ...process.env, NAMESPACE: cluster.namespace, RELEASE: PLATFORM, DATA }
  for (const command of ['dump', 'restore']) {
    const startedAtMs = performance.now()
    const said = await run(BACKUP, [command, folder], { env })
    log(said.trimEnd().replaceAll(/^/gm, '  '))
    log(`  ${command} took ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`)
  }
  await compare(court)
}

function indent(text: string): string {
  const shown = text.split('\n').filter((line) => /^(not )?ok/.test(line))
  return shown.map((line) => `  ${line}`).join('\n')
}
