import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SERVICE } from '@auction/bid/service.ts'
import { DATABASE_LOCALE } from '@auction/common/postgres/locale.ts'
import { migrate } from '@auction/common/postgres/migrate.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import type { Cost } from '@auction/common/testing/cost.ts'
import { type Infrastructure, startInfrastructure, timed } from '@auction/local/infrastructure.ts'
import { removePostgresData } from '@auction/local/postgres.ts'
import pg from 'pg'
import { measureCosts } from '#src/bench/scale.ts'
import { bytesNeeded, fill, type Size } from '#src/bench/scale-fill.ts'
import { bytesNeededForItems, measureItemCosts } from '#src/bench/scale-items.ts'

const HELP = `npm run scale -w tests -- [--lots 2000000] [--bids 20000000] [--items 2000000] [--small 20000]

Fills a database of the bid service with so many lots and bids, and a small one with the same number of bids a
lot, and compares what the work of the service costs on both; then the same with items of the auction service.
No work but searches should cost more than 3 times as much. 0 lots or 0 items leave that service out.
The data lies in the folder of temporary files (TMPDIR) and is deleted at the end.`

const RATIO_MAX = 3
// Below this, a ratio compares one moment with another and not one size with another.
const NOISE_MS = 2

/**
 * Searches rank all that have the words and count up to 1,000 matches, which a small database has not; the items of
 * categories are counted once in ten seconds. docs/operations.md has their figures.
 */
const KNOWN_TO_GROW = /^(search: |categories$)/

const { values } = readCommandLine({
  help: HELP,
  options: {
    lots: { type: 'string', default: '2000000' },
    bids: { type: 'string', default: '20000000' },
    items: { type: 'string', default: '2000000' },
    small: { type: 'string', default: '20000' },
  },
})
const large: Size = { lots: Number(values.lots), bids: Number(values.bids) }
const items = Number(values.items)
const smallLots = Math.min(Number(values.small), large.lots)
const small: Size = { lots: smallLots, bids: Math.round((large.bids / large.lots) * smallLots) }
const log = (line: string) => console.log(`  ${line}`)

const { bavail, bsize } = statfsSync(tmpdir())
const needed = bytesNeeded(large) + bytesNeededForItems(items)
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
    if (large.lots > 0) {
      const before = await onDatabase(infrastructure, 'small', small)
      print('bid', before, await onDatabase(infrastructure, 'large', large))
    }
    if (items > 0) {
      const before = await onItems(infrastructure, Math.min(Number(values.small), items))
      print('auction', before, await onItems(infrastructure, items))
    }
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

function onItems({ postgres }: Infrastructure, count: number): Promise<Map<string, Cost>> {
  return timed(log, `${count} items filled in and measured`, () =>
    measureItemCosts(postgres.adminUrl, count),
  )
}

function print(service: string, before: Map<string, Cost>, after: Map<string, Cost>): void {
  const line = (cells: string[]) => console.log(`| ${cells.join(' | ')} |`)
  line([service, 'small ms', 'large ms', 'ratio', 'small buffers', 'large buffers', ''])
  line(Array.from({ length: 7 }, () => '---'))
  for (const [name, cost] of after) {
    const { milliseconds, buffers } = before.get(name) ?? cost
    const ratio = cost.milliseconds / milliseconds
    const isFlat = ratio <= RATIO_MAX || cost.milliseconds < NOISE_MS
    const isKnown = KNOWN_TO_GROW.test(name)
    if (!isFlat && !isKnown) process.exitCode = 1
    line([
      name,
      milliseconds.toFixed(2),
      cost.milliseconds.toFixed(2),
      `${ratio.toFixed(2)} x`,
      String(buffers ?? '–'),
      String(cost.buffers ?? '–'),
      isFlat ? 'flat' : isKnown ? 'grows, as documented' : '**grows**',
    ])
  }
}
