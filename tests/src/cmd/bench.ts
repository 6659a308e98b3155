import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startInfrastructure } from '@auction/local/infrastructure.ts'
import { removePostgresData } from '@auction/local/postgres.ts'
import { benchBidPath } from '../bench/bid-path.ts'
import { benchProjection, benchVisibility } from '../bench/read-model.ts'
import { print, type Row } from '../bench/report.ts'
import { createBenchWorld } from '../bench/world.ts'

const HELP = `npm run bench -- [--rounds N] [--seconds N] [--only P1,P5,P6]

Benchmarks of docs/performance.md: baseline and ours in one run, medians of interleaved rounds.`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    only: { type: 'string', default: 'P1,P5,P6' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}

const only = values.only.split(',')
const log = (line: string) => console.log(`  ${line}`)
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const rows: Row[] = []
const stateDir = mkdtempSync(join(tmpdir(), 'auction-bench-'))
try {
  if (only.includes('P1') || only.includes('P5')) await onInfrastructure()
  if (only.includes('P6')) rows.push(await benchVisibility(join(stateDir, 'platform'), 10, log))
} finally {
  for (const folder of [stateDir, join(stateDir, 'platform')]) removePostgresData(folder)
  rmSync(stateDir, { recursive: true, force: true })
}
print(rows)

async function onInfrastructure(): Promise<void> {
  const infrastructure = await startInfrastructure({ stateDir, log })
  try {
    await infrastructure.postgresReady
    const world = await createBenchWorld(infrastructure)
    if (only.includes('P1')) rows.push(...(await benchBidPath(world, { rounds, seconds, log })))
    await world.pool.end()
    if (only.includes('P5')) {
      for (const items of [1_000, 1]) {
        console.log(`P5 over ${items} items`)
        console.log(await benchProjection(infrastructure, items, rounds))
      }
    }
  } finally {
    await infrastructure.stop()
  }
}
