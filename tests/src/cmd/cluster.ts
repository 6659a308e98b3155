import { mkdirSync, writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCluster, run } from '../cluster/commands.ts'
import {
  DATA,
  deleteNamespace,
  installData,
  installPlatform,
  makeImages,
  makeNamespace,
  openWays,
  PLATFORM,
} from '../cluster/installation.ts'
import { type Kill, kill } from '../cluster/killing.ts'
import { probeNetwork } from '../cluster/network.ts'
import { plotScaling } from '../cluster/plot.ts'
import { evict, type Ground, upgrade } from '../cluster/replacing.ts'
import { scale } from '../cluster/scaling.ts'
import { HELP, type Phase, readSettings } from '../cluster/settings.ts'
import type { BidRecord, Watch } from '../cluster/traffic.ts'
import { check, queuesOf, settled } from '../crash/check.ts'

const VERSION = '0.1.0'
const SCALE_EVENTS = 20_000
const BACKUP = fileURLToPath(new URL('../../../k8s/backup.sh', import.meta.url))
const RESULTS = fileURLToPath(new URL('../../../.local/cluster', import.meta.url))

const read = readSettings(process.argv.slice(2), process.env)
if (read === undefined) {
  console.log(HELP)
  process.exit(2)
}
const settings = read
const cluster = openCluster(settings.namespace)
const record: BidRecord = { history: [], sold: [] }
const log = (line: string) => console.log(line)
const { gateway, rate } = settings
const ground: Ground = { cluster, gateway, rate, record, log }
const failures: string[] = []
const fail = (what: string) => {
  failures.push(what)
  log(`  NOT OK: ${what}`)
}
let tag = settings.tag ?? VERSION
let installedAtMs = 0

const WORK: { [phase in Phase]: () => Promise<void> } = {
  async images() {
    if (settings.tag === undefined) tag = await makeImages(settings, VERSION)
    log(`  tag ${tag}`)
  },
  async install() {
    await makeNamespace(cluster)
    installedAtMs = performance.now()
    await installData(cluster)
    await installPlatform(cluster, tag)
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
    const wrong = probes.filter(({ isAllowed, isReached }) => isAllowed !== isReached)
    const open = probes.filter(({ isReached }) => isReached).length
    log(`  ${probes.length} ways tried, ${open} open`)
    for (const { from, to, isReached } of wrong)
      fail(`${from} ${isReached ? 'reaches' : 'does not reach'} ${to}`)
  },
  async gateway() {
    const suite = fileURLToPath(new URL('../../gateway/cli.ts', import.meta.url))
    const said = await run(process.execPath, [suite, '--url', gateway])
    log(said.trimEnd().replaceAll(/^/gm, '  '))
  },
  async upgrade() {
    judge(await upgrade(ground, tag))
    await compare()
  },
  async evict() {
    judge(await evict(ground, tag))
    await compare()
  },
  async kill() {
    const kills: Kill[] = []
    const watch = await kill(ground, kills)
    log(`  ${watch.requests} requests, ${watch.troubles.length} without a good answer meanwhile`)
    for (const [what, count] of byKind(watch)) log(`    ${String(count).padStart(6)} ${what}`)
    await compare()
  },
  async scale() {
    const ways = await openWays(cluster)
    const scaling = await scale(cluster, { gateway, tag, events: SCALE_EVENTS, ways, record })
    ways.close()
    const { samples, bids, bidSeconds } = scaling
    const most = Math.max(...samples.map(({ replicas }) => replicas))
    const deepest = Math.max(...samples.map(({ backlog }) => backlog))
    const last = samples.at(-1)
    log(
      `  ${bids} bids accepted in ${bidSeconds.toFixed(0)} s, at most ${deepest} messages waiting`,
    )
    log(
      `  workers: ${samples[0]?.replicas} to ${most} to ${last?.replicas}, over after ${last?.atSeconds.toFixed(0)} s`,
    )
    if (most < 2) fail('no worker was added')
    if (last?.replicas !== 1 || last.backlog !== 0) fail('the workers were not taken away again')
    mkdirSync(RESULTS, { recursive: true })
    const title = `${bids} bids: auction workers by queue depth`
    writeFileSync(joinPath(RESULTS, 'scaling.svg'), plotScaling(samples, title))
    writeFileSync(joinPath(RESULTS, 'scaling.json'), JSON.stringify(samples))
    log(`  plot in ${joinPath(RESULTS, 'scaling.svg')}`)
    await compare()
  },
  async restore() {
    const folder = joinPath(RESULTS, 'backup')
    const { namespace } = settings
    const env = { ...process.env, NAMESPACE: namespace, RELEASE: PLATFORM, DATA }
    for (const command of ['dump', 'restore']) {
      const startedAtMs = performance.now()
      const said = await run(BACKUP, [command, folder], { env })
      log(said.trimEnd().replaceAll(/^/gm, '  '))
      log(`  ${command} took ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`)
    }
    await compare()
  },
  async reinstall() {
    await cluster.helm('uninstall', PLATFORM, '--wait')
    await cluster.helm('uninstall', DATA, '--wait')
    await installData(cluster)
    await installPlatform(cluster, tag)
    await compare()
  },
}

/** While pods come and go in an orderly way, nobody notices. */
function judge({ requests, troubles }: Watch): void {
  log(`  ${requests} requests, ${troubles.length} failed`)
  for (const { what } of troubles.slice(0, 10)) log(`    ${what}`)
  if (troubles.length > 0) fail(`${troubles.length} requests failed`)
}

/** Troubles with what differs between two of a kind taken out, the most frequent first. */
function byKind({ troubles }: Watch): [string, number][] {
  const counts = new Map<string, number>()
  for (const { what } of troubles) {
    const kind = what.replace(/[0-9a-f-]{32,36}/g, '…').replace(/traceId.*/, '')
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].sort(([, left], [, right]) => right - left).slice(0, 8)
}

/** Clients, ledger, lots, read model, outboxes and queues tell the same story. */
async function compare(): Promise<void> {
  const ways = await openWays(cluster)
  try {
    await settled(ways.databases, ways.managementUrl)
    const counts = await check(ways.databases, record.history)
    const queues = await queuesOf(ways.managementUrl)
    log(
      `  ${counts.acknowledged} bids acknowledged, ${counts.lost} lost, ${counts.double} double; ${counts.lots} lots, ${counts.readModelDifferences} differ in the read model; ${queues.deadLetters} dead letters`,
    )
    for (const bid of counts.lostBids.slice(0, 10)) log(`    lost: ${JSON.stringify(bid)}`)
    const faults: [string, number][] = [
      ['bids lost', counts.lost],
      ['bids twice', counts.double],
      ['wrong winners', counts.wrongWinners],
      ['violations of the ledger', counts.violations.length],
      ['events not sent', counts.eventsUnsent],
      ['differences of the read model', counts.readModelDifferences],
      ['dead letters', queues.deadLetters],
    ]
    for (const [what, count] of faults) if (count > 0) fail(`${count} ${what}`)
  } finally {
    ways.close()
  }
}

function indent(text: string): string {
  const shown = text.split('\n').filter((line) => /^(not )?ok/.test(line))
  return shown.map((line) => `  ${line}`).join('\n')
}

const times: [string, number][] = []
try {
  for (const phase of settings.phases) {
    log(phase)
    const startedAtMs = performance.now()
    await WORK[phase]()
    const took = (performance.now() - startedAtMs) / 1000
    times.push([phase, took])
    log(`  ${took.toFixed(1)} s`)
  }
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
} finally {
  // Phases that try an installation of somebody else's leave it as it was.
  const isOurs = settings.phases.includes('install')
  if (isOurs && !settings.keep) await deleteNamespace(cluster).catch((error) => fail(String(error)))
}
log('')
for (const [phase, took] of times) log(`${phase.padEnd(10)} ${took.toFixed(1).padStart(7)} s`)
log(failures.length === 0 ? 'everything held' : `${failures.length} did not hold`)
process.exit(failures.length === 0 ? 0 : 1)
