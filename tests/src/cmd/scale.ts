import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SERVICE } from '@auction/bid/service.ts'
import { DATABASE_LOCALE } from '@auction/common/postgres/locale.ts'
import { migrate } from '@auction/common/postgres/migrate.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { type Infrastructure, startInfrastructure, timed } from '@auction/local/infrastructure.ts'
import { removePostgresData } from '@auction/local/postgres.ts'
import pg from 'pg'
import { type Cost, measureCosts } from '#src/bench/scale.ts'
import { bytesNeeded, fill, type Size } from '#src/bench/scale-fill.ts'

const HELP = `npm run scale -w tests -- [--lots 2000000] [--bids 20000000] [--small 20000]

Fills a database of the bid service with so many lots and bids, and a small one with the same number of bids a
lot, and compares what the work of the service costs on both. No work should cost more than 3 times as much.
The data lies in the folder of temporary files (TMPDIR) and is deleted at the end.`

const RATIO_MAX = 3
// Below this, a ratio compares one moment with another and not one size with another.
const NOISE_MS = 2

const { values } = readCommandLine({
  help: HELP,
  options: {
    lots: { type: 'string', default: '2000000' },
    bids: { type: 'string', default: '20000000' },
    small: { type: 'string', default: '20000' },
  },
})
const large: Size = { lots: Number(values.lots), bids: Number(values.bids) }
const smallLots = Math.min(Number(values.small), large.lots)
const small: Size = { lots: smallLots, bids: Math.round((large.bids / large.lots) * smallLots) }
const log = (line: string) => console.log(`  ${line}`)

const { bavail, bsize } = statfsSync(tmpdir())
const needed = bytesNeeded(large)
if (bavail * bsize < needed) {
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1)
  console.error(
    `${gigabytes(needed)} GB are needed in ${tmpdir()}, ${gigabytes(bavail * bsize)} GB are free.`,
  )
  process.exit(2)
}

const stateDir = mkdtempSync(join(tmpdir(), 'auction-scale-'))
try {
  const infrastructure = await startInfrastructure({ stateDir, log })
  try {
    await infrastructure.postgresReady
    const before = await onDatabase(infrastructure, 'small', small)
    const after = await onDatabase(infrastructure, 'large', large)
    print(before, after)
  } finally {
    await infrastructure.stop()
  }
} finally {
  removePostgresData(stateDir)
  rmSync(stateDir, { recursive: true, force: true })
}

async function onDatabase(
  { postgres }: Infrastructure,
  name: string,
  size: Size,
): Promise<Map<string, Cost>> {
  const admin = new pg.Client({ connectionString: postgres.adminUrl })
  await admin.connect()
  await admin.query(`create database bid_${name} owner bid ${DATABASE_LOCALE}`)
  await admin.end()
  const address = new URL(postgres.url('bid'))
  const pools: pg.Pool[] = []
  const open = (isPatient = false) => {
    const pool = createPool(
      {
        POSTGRES_HOST: address.hostname,
        POSTGRES_PORT: Number(address.port),
        POSTGRES_USERNAME: address.username,
        POSTGRES_PASSWORD: decodeURIComponent(address.password),
        POSTGRES_DATABASE: `bid_${name}`,
        POSTGRES_SSLMODE: 'disable',
        POSTGRES_POOL_MAX: 8,
      },
      { log: createLogger('scale', 'silent'), isPatient },
    )
    pools.push(pool)
    return pool
  }
  const patient = open(true)
  await migrate(patient, SERVICE.migrations, createLogger('scale', 'silent'))
  await timed(log, `${size.lots} lots and ${size.bids} bids filled in`, () =>
    fill(patient, size, log),
  )
  const costs = await timed(log, `the ${name} database measured`, () => measureCosts(open))
  await Promise.all(pools.map((pool) => pool.end()))
  return costs
}

function print(before: Map<string, Cost>, after: Map<string, Cost>): void {
  const line = (cells: string[]) => console.log(`| ${cells.join(' | ')} |`)
  line(['work', 'small ms', 'large ms', 'ratio', 'small buffers', 'large buffers', ''])
  line(Array.from({ length: 7 }, () => '---'))
  for (const [name, cost] of after) {
    const { milliseconds, buffers } = before.get(name) ?? cost
    const ratio = cost.milliseconds / milliseconds
    const isFlat = ratio <= RATIO_MAX || cost.milliseconds < NOISE_MS
    if (!isFlat) process.exitCode = 1
    line([
      name,
      milliseconds.toFixed(2),
      cost.milliseconds.toFixed(2),
      `${ratio.toFixed(2)} x`,
      String(buffers ?? '–'),
      String(cost.buffers ?? '–'),
      isFlat ? 'flat' : '**grows**',
    ])
  }
}
