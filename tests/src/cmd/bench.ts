import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
import { startInfrastructure } from '@auction/local/infrastructure.ts'
import { removePostgresData } from '@auction/local/postgres.ts'
import { benchBidPath } from '#src/bench/bid-path.ts'
import { benchIdentity } from '#src/bench/identity.ts'
import { benchLedger } from '#src/bench/ledger.ts'
import { benchLive, benchLivePath } from '#src/bench/live.ts'
import { benchPages } from '#src/bench/pages.ts'
import { benchProjection } from '#src/bench/projection.ts'
import { print, type Row } from '#src/bench/report.ts'
import { benchSearch } from '#src/bench/search.ts'
import { benchSharedLot } from '#src/bench/shared-lot.ts'
import { benchVisibility } from '#src/bench/visibility.ts'
import { createBenchWorld } from '#src/bench/world.ts'

const HELP = `npm run bench -- [--quick] [--only P1,P3] [--profile] [--rounds N] [--seconds N]

Benchmarks of docs/performance.md: baseline and ours in one run, medians of interleaved rounds.
--quick is one short round of everything; --profile shows where our server's time went.`

const GOALS = ['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7', 'P9', 'P10', 'search', 'ledger', 'pages']

const { values } = readCommandLine({
  help: HELP,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: GOALS.join() },
    profile: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  },
})

const goals = new Set(values.only.split(','))
const strange = [...goals].filter((goal) => !GOALS.includes(goal))
if (strange.length > 0) refuse(`There is no goal ${strange.join()}; there are ${GOALS.join()}`)
const log = (line: string) => console.log(`  ${line}`)
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
const seconds = Number(values.seconds ?? (values.quick ? 2 : 3))
const rows: Row[] = []
const stateDir = mkdtempSync(join(tmpdir(), 'auction-bench-'))
const [firstCore] = cpus()
log(
  `${cpus().length} cores, ${firstCore?.model ?? 'unknown'}, load average ${loadavg().map((load) => load.toFixed(1))}`,
)
try {
  if (
    ['P1', 'P2', 'P3', 'P4', 'P5', 'P7', 'P9', 'search', 'ledger'].some((goal) => goals.has(goal))
  )
    await onInfrastructure()
  if (goals.has('P6')) {
    rows.push(await benchVisibility(join(stateDir, 'platform'), values.quick ? 5 : 10, log))
  }
  if (goals.has('P7')) {
    rows.push(await benchLivePath(join(stateDir, 'live'), values.quick ? 5 : 10, log))
  }
  if (goals.has('pages')) {
    const settings = { stateDir: join(stateDir, 'pages'), rounds, seconds, log }
    rows.push(...(await benchPages(settings)))
  }
  if (goals.has('P10')) {
    const settings = { stateDir: join(stateDir, 'identity'), rounds, seconds, log }
    rows.push(...(await benchIdentity(settings)))
  }
} finally {
  for (const folder of [
    stateDir,
    join(stateDir, 'identity'),
    join(stateDir, 'platform'),
    join(stateDir, 'live'),
    join(stateDir, 'pages'),
  ])
    removePostgresData(folder)
  rmSync(stateDir, { recursive: true, force: true })
}
print(rows)

async function onInfrastructure(): Promise<void> {
  const infrastructure = await startInfrastructure({ stateDir, log })
  try {
    await infrastructure.postgresReady
    if (['P1', 'P2', 'P3', 'P4'].some((goal) => goals.has(goal))) {
      const world = await createBenchWorld(infrastructure)
      const settings = { goals, rounds, seconds, isProfiled: values.profile, log }
      rows.push(...(await benchBidPath(world, settings)))
      if (goals.has('P3')) rows.push(...(await benchSharedLot(world, settings)))
      await world.pool.end()
    }
    if (goals.has('P5')) rows.push(...(await benchProjection(infrastructure, rounds, log)))
    if (goals.has('P7')) rows.push(...(await benchLive(infrastructure, values.quick ? 5 : 20, log)))
    if (goals.has('ledger')) {
      rows.push(await benchLedger(infrastructure, { rounds, seconds, log }))
    }
    if (goals.has('P9') || goals.has('search')) {
      rows.push(...(await benchSearch(infrastructure, { goals, rounds, seconds, log })))
    }
  } finally {
    await infrastructure.stop()
  }
}
