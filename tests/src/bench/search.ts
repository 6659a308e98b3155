import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePorts } from '@auction/common/testing/ports.ts'
import type { Infrastructure } from '@auction/local/infrastructure.ts'
import autocannon from 'autocannon'
import { createClient } from '#src/api-client.ts'
import { percentile } from '#src/percentile.ts'
import { startServer } from './children.ts'
import { atMost, median, type Row, versus } from './report.ts'
import { createBenchWorld } from './world.ts'

export interface SearchBenchSettings {
  goals: ReadonlySet<string>
  rounds: number
  seconds: number
  log: (line: string) => void
}

interface Served {
  address: string
  searches: { name: string; path: string }[]
  itemId: string
}

const AUCTION = fileURLToPath(new URL('../../../services/auction', import.meta.url))
const BARE = fileURLToPath(new URL('validate-baseline.ts', import.meta.url))
const ITEMS = 100_000
const ASKED = 40
const P95_MAX_MS = 60
const CONNECTIONS = 64

/** Searches with facets, and P9: reads of items against a bare GET, both over 100,000 items. */
export async function benchSearch(
  infrastructure: Infrastructure,
  settings: SearchBenchSettings,
): Promise<Row[]> {
  const { goals, log } = settings
  const { postgres } = infrastructure
  log(`filling ${ITEMS} items`)
  const server = fork('test/search-server.ts', [], {
    cwd: AUCTION,
    env: { ...process.env, ITEMS: String(ITEMS), TEST_POSTGRES_URL: postgres.adminUrl },
  })
  const bare = fork(BARE)
  try {
    const [[bareAddress], served] = await Promise.all([once(bare, 'message'), first(server)])
    return [
      ...(goals.has('search') ? await searches(served, log) : []),
      ...(goals.has('P9')
        ? await reads(infrastructure, served, String(bareAddress), settings)
        : []),
    ]
  } finally {
    bare.kill('SIGKILL')
    if (server.connected) {
      server.disconnect()
      await once(server, 'exit')
    }
  }
}

/** One search after the other, each kind in turn, so that none has the cache to itself. */
async function searches(
  { address, searches }: Served,
  log: (line: string) => void,
): Promise<Row[]> {
  const client = createClient({ baseUrl: address })
  const times = new Map<string, number[]>(searches.map(({ name }) => [name, []]))
  try {
    for (let round = 0; round < ASKED; round += 1) {
      for (const { name, path } of searches) {
        const startedMs = performance.now()
        const { statusCode } = await client.request('GET', path)
        if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}`)
        times.get(name)?.push(performance.now() - startedMs)
      }
    }
  } finally {
    client.close()
  }
  return [...times].map(([name, taken]) => {
    const p95 = percentile(taken, 0.95)
    log(`${name}: p50 ${percentile(taken, 0.5).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`)
    return atMost('search', `p95, ${name}`, p95, P95_MAX_MS, 'ms')
  })
}

async function reads(
  infrastructure: Infrastructure,
  { address, itemId }: Served,
  bareAddress: string,
  { rounds, seconds, log }: SearchBenchSettings,
): Promise<Row[]> {
  const rows: Row[] = []
  const lots = await startLots(infrastructure)
  for (const [what, url] of [
    ['GET /items', `${address}/api/v1/items?limit=20`],
    ['GET /items/:id', `${address}/api/v1/items/${itemId}`],
    ['GET /lots/:id', lots.url],
  ] as const) {
    const ours: number[] = []
    const bare: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      bare.push(await perSecond(`${bareAddress}/bare`, seconds))
      ours.push(await perSecond(url, seconds))
      log(`${what} ${ours.at(-1)?.toFixed(0)}/s, bare GET ${bare.at(-1)?.toFixed(0)}/s`)
    }
    const against = { ours: median(ours), baseline: median(bare), wanted: 0.5, unit: '/s' }
    rows.push(versus({ goal: 'P9', what: `${what} against a bare GET`, ...against }))
  }
  await lots.stop()
  return rows
}

/** The bid API over as many lots as there are items, and the address of one. */
async function startLots(infrastructure: Infrastructure) {
  const world = await createBenchWorld(infrastructure)
  const [itemId] = await world.lots(1)
  await world.pool.query(
    `insert into lots select copy.* from lots, generate_series(2, ${ITEMS}) as n,
       jsonb_populate_record(lots, jsonb_build_object('item_id', md5('lot' || n)::uuid)) as copy
     where lots.item_id = $1`,
    [itemId],
  )
  const [port] = await freePorts(1)
  const server = await startServer({ mode: 'ours', port: port ?? 0, ...world })
  return {
    url: `http://127.0.0.1:${port}/api/v1/lots/${itemId}`,
    async stop() {
      await server.stop()
      await world.pool.end()
    },
  }
}

async function perSecond(url: string, duration: number): Promise<number> {
  const result = await autocannon({ url, connections: CONNECTIONS, duration })
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${url}: ${result.non2xx} refused, ${result.errors} failed`)
  }
  return result.requests.total / result.duration
}

async function first(child: ChildProcess): Promise<Served> {
  return new Promise((resolve, reject) => {
    child.once('message', (served) => resolve(served as Served))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the server of items ended with ${code}`)))
  })
}
