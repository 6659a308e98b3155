import { join as joinPath } from 'node:path'
import { ensureCertificate } from '#src/cluster/certificate.ts'
import { openCluster } from '#src/cluster/commands.ts'
import { deleteNamespace, RESULTS } from '#src/cluster/installation.ts'
import type { Court } from '#src/cluster/judging.ts'
import { createPhases, VERSION } from '#src/cluster/phases.ts'
import { readSettings } from '#src/cluster/settings.ts'

const settings = readSettings(process.argv.slice(2), process.env)
const log = (line: string) => console.log(line)
const failures: string[] = []
const { hostname, protocol } = new URL(settings.gateway)
const certificate =
  protocol === 'https:' ? await ensureCertificate(joinPath(RESULTS, 'tls'), hostname) : undefined
const court: Court = {
  cluster: openCluster(settings.namespace),
  tag: settings.tag ?? VERSION,
  gateway: {
    baseUrl: settings.gateway,
    ...(certificate === undefined ? {} : { ca: certificate.cert }),
  },
  hostAddress: settings.hostAddress,
  rate: settings.rate,
  record: { history: [], sold: [] },
  log,
  fail: (what) => {
    failures.push(what)
    log(`  NOT OK: ${what}`)
  },
}
const phases = createPhases({ court, settings, certificate })

const times: [string, number][] = []
try {
  for (const phase of settings.phases) {
    log(phase)
    const startedAtMs = performance.now()
    await phases[phase]()
    const took = (performance.now() - startedAtMs) / 1000
    times.push([phase, took])
    log(`  ${took.toFixed(1)} s`)
  }
} catch (error) {
  court.fail(error instanceof Error ? error.message : String(error))
} finally {
  // Phases that test an existing installation leave it as it was.
  const isOurs = settings.phases.includes('install')
  if (isOurs && !settings.keep)
    await deleteNamespace(court.cluster).catch((error) => court.fail(String(error)))
}
log('')
for (const [phase, took] of times) log(`${phase.padEnd(10)} ${took.toFixed(1).padStart(7)} s`)
log(failures.length === 0 ? 'everything held' : `${failures.length} did not hold`)
process.exit(failures.length === 0 ? 0 : 1)
