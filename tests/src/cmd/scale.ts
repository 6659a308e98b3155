import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SERVICE } from '@auction/bid/service.ts'
import { DATABASE_LOCALE } from '@auction/common/postgres/locale.ts'
import { migrate } from '@auction/common/postgres/migrate.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
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
No work should cost more than 3 times as much, but for ten kinds of reads of items that docs/operations.md
names. 0 lots or 0 items leave that service out.
The data lies in the folder of temporary files (TMPDIR) and is deleted at the end.`

const RATIO_MAX = 3
// Below this, a ratio compares one moment with another and not one size with another.
const NOISE_MS = 2
/** Nothing here publishes. */
const NO_BROKER = { url: 'amqp://unused', managementUrl: 'http://unused' }

/**
 * What may cost more, up to as many times as there are more items: searches that rank or compare all that have a word, that
 * count up to 1,000 matches, which a small database does not have, and the counts of all categories. docs/operations.md
 * has their figures.
 */
const KNOWN_TO_GROW = new Set([
  'categories',
  'search: common word',
  'search: page 20 of a word',
  'search: usual word',
  'search: two words',
  'search: wrong letter',
  'search: word by price',
  'search: word, category, price, attribute, buy now',
  'search: leaf, newest',
  'search: attribute range',
])

const { values } = readCommandLine({
  help: HELP,
  options: {
    lots: { type: 'string', default: '2000000' },
    bids: { type: 'string', default: '20000000' },
    items: { type: 'string', default: '2000000' },
    small: { type: 'string', default: '20000' },
  },
})
const numbers = { lots: 0, bids: 0, items: 0, small: 0 }
for (const name of ['lots', 'bids', 'items', 'small'] as const) {
  const number = Number(values[name])
  if (!Number.isSafeInteger(number) || number < 0) refuse(`--${name} takes a whole number`)
  numbers[name] = number
}
const { lots, bids, items } = numbers
if (numbers.small === 0) refuse('--small takes a number above 0')
const smallLots = Math.min(numbers.small, lots)
const smallItems = Math.min(numbers.small, items)
const large: Size = { lots, bids }
const small: Size = { lots: smallLots, bids: Math.round((bids / lots) * smallLots) }
const log = (line: string) => console.log(`  ${line}`)

const { bavail, bsize } = statfsSync(tmpdir())
const needed = (lots > 0 ? bytesNeeded(large) : 0) + bytesNeededForItems(items)
if (bavail * bsize < needed) {
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1)
  console.error(
    `${gigabytes(needed)} GB are needed in ${tmpdir()}, ${gigabytes(bavail * bsize)} GB are free.`,
  )
  process.exit(2)
}

const stateDir = mkdtempSync(join(tmpdir(), 'auction-scale-'))
try {
  const infrastructure = await startInfrastructure({ stateDir, broker: NO_BROKER, log })
  try {
    await infrastructure.postgresReady
    // Small ones first: what the large ones wrote is still being put on disk while the next is measured.
    const lotsBefore = lots > 0 ? await onDatabase(infrastructure, 'small', small) : undefined
    const itemsBefore = items > 0 ? await onItems(infrastructure, smallItems) : undefined
    if (lotsBefore !== undefined) {
      const after = await onDatabase(infrastructure, 'large', large)
      print({ service: 'bid', growth: lots / smallLots, before: lotsBefore, after })
    }
    if (itemsBefore !== undefined) {
      const after = await onItems(infrastructure, items)
      print({ service: 'auction', growth: items / smallItems, before: itemsBefore, after })
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

interface Comparison {
  service: string
  /** How many times as much data the large database has. */
  growth: number
  before: Map<string, Cost>
  after: Map<string, Cost>
}

function print({ service, growth, before, after }: Comparison): void {
  const line = (cells: string[]) => console.log(`| ${cells.join(' | ')} |`)
  line([service, 'small ms', 'large ms', 'ratio', 'small buffers', 'large buffers', ''])
  line(Array.from({ length: 7 }, () => '---'))
  for (const [name, cost] of after) {
    const { milliseconds, buffers } = before.get(name) ?? cost
    const ratio = cost.milliseconds / milliseconds
    const isFlat = ratio <= RATIO_MAX || cost.milliseconds < NOISE_MS
    const isKnown = KNOWN_TO_GROW.has(name) && ratio <= growth
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
