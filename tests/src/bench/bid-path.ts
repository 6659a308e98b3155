import { freePorts } from '@auction/local/ports.ts'
import { type BenchServer, cpuSeconds, load, startServer } from './children.ts'
import type { LoadOrder, LoadResult } from './load.ts'
import { atLeast, atMost, median, type Row } from './report.ts'
import { type BenchWorld, oneRowUpdates, START_CENTS } from './world.ts'

export interface BenchSettings {
  rounds: number
  seconds: number
  log: (line: string) => void
}

const CONNECTIONS = 256
const WARM_UP_SECONDS = 1

interface Measured extends LoadResult {
  cpuMicrosecondsPerBid: number
}

/** P1 to P4: the bid path against the same server without a database and a transaction per bid. */
export async function benchBidPath(world: BenchWorld, settings: BenchSettings): Promise<Row[]> {
  const [a = 0, b = 0, c = 0, d = 0] = await freePorts(4)
  const start = (mode: 'ours' | 'bare' | 'transaction', port: number) =>
    startServer(mode, port, world.postgresUrl, world.publicKey)
  const [ours, second, bare, transaction] = await Promise.all([
    start('ours', a),
    start('ours', b),
    start('bare', c),
    start('transaction', d),
  ])
  const measure = (servers: BenchServer[], lots: number, more: Partial<LoadOrder> = {}) =>
    measureOnce(world, servers, lots, settings, more)
  try {
    const results: Record<string, Measured[]> = {}
    const keep = async (name: string, run: () => Promise<Measured>) => {
      const result = await run()
      results[name] = [...(results[name] ?? []), result]
      settings.log(
        `${name.padEnd(24)} ${rate(result).toFixed(0)}/s decided, ${(result.accepted / result.seconds).toFixed(0)}/s accepted, p50 ${result.p50Ms.toFixed(1)} p99 ${result.p99Ms.toFixed(1)} ms, ${result.failed} failed`,
      )
    }
    const updates: number[] = []
    for (let round = 0; round < settings.rounds; round += 1) {
      await keep('hot bare', () => measure([bare], 1))
      await keep('hot ours', () => measure([ours], 1))
      await keep('hot transaction', () => measure([transaction], 1))
      await keep('hot two processes', () => measure([ours, second], 1))
      await keep('1,000 bare', () => measure([bare], 1_000))
      await keep('1,000 ours', () => measure([ours], 1_000))
      await keep('1,000 transaction', () => measure([transaction], 1_000))
      updates.push(await oneRowUpdates(world.pool, settings.seconds))
    }
    const of = (name: string, key: (result: Measured) => number) =>
      median((results[name] ?? []).map(key))
    const half = of('hot ours', rate) / 2
    await keep('hot ours, half load', () => measure([ours], 1, { rate: half, connections: 64 }))
    return rows(of, median(updates))
  } finally {
    await Promise.all([ours, second, bare, transaction].map((server) => server.stop()))
  }
}

const rate = ({ decided, seconds }: LoadResult) => decided / seconds
const accepted = (result: LoadResult) => result.accepted / result.seconds

function rows(
  of: (name: string, key: (result: Measured) => number) => number,
  updates: number,
): Row[] {
  const ratio = (one: string, other: string, key = rate) => of(one, key) / of(other, key)
  const perSecond = (name: string) => `(${of(name, rate).toFixed(0)}/s)`
  return [
    atLeast(
      'P1',
      'hot lot, decisions vs bare POST',
      ratio('hot ours', 'hot bare'),
      0.95,
      perSecond('hot ours'),
    ),
    atLeast(
      'P1',
      'hot lot, decisions vs transaction per bid',
      ratio('hot ours', 'hot transaction'),
      12,
      perSecond('hot transaction'),
    ),
    atLeast(
      'P1',
      'hot lot, accepted vs transaction per bid',
      ratio('hot ours', 'hot transaction', accepted),
      40,
      `(${of('hot ours', accepted).toFixed(0)}/s)`,
    ),
    atLeast(
      'P1',
      'hot lot, accepted vs one-row UPDATE, 15 clients',
      of('hot ours', accepted) / updates,
      4,
      `(${updates.toFixed(0)}/s, Node clients in the place of pgbench)`,
    ),
    atMost(
      'P1',
      'CPU per durable bid, Node and PostgreSQL',
      of('hot ours', (r) => r.cpuMicrosecondsPerBid),
      120,
      'us',
    ),
    atLeast(
      'P2',
      '1,000 lots, decisions vs bare POST',
      ratio('1,000 ours', '1,000 bare'),
      0.9,
      perSecond('1,000 ours'),
    ),
    atLeast(
      'P2',
      '1,000 lots, decisions vs transaction per bid',
      ratio('1,000 ours', '1,000 transaction'),
      10,
      perSecond('1,000 transaction'),
    ),
    atLeast(
      'P3',
      'two processes vs one on one hot lot',
      ratio('hot two processes', 'hot ours'),
      1.3,
      perSecond('hot two processes'),
    ),
    atLeast(
      'P4',
      'p99 of a transaction per bid vs ours',
      ratio('hot transaction', 'hot ours', (r) => r.p99Ms),
      8,
      `(${of('hot ours', (r) => r.p99Ms).toFixed(0)} ms)`,
    ),
    atMost(
      'P4',
      'p99 at half of the maximum load',
      of('hot ours, half load', (r) => r.p99Ms),
      10,
      'ms',
    ),
  ]
}

async function measureOnce(
  world: BenchWorld,
  servers: BenchServer[],
  lots: number,
  { seconds }: BenchSettings,
  more: Partial<LoadOrder>,
): Promise<Measured> {
  const order: LoadOrder = {
    ports: servers.map(({ port }) => port),
    itemIds: await world.lots(lots),
    tokens: world.tokens,
    connections: CONNECTIONS,
    seconds: WARM_UP_SECONDS,
    fromCents: START_CENTS,
    ...more,
  }
  await load(order)
  const pids = [...servers.map(({ pid }) => pid), world.postgresPid]
  const itemIds = await world.lots(lots)
  const before = cpuSeconds(pids)
  const result = await load({ ...order, itemIds, seconds })
  const cpu = cpuSeconds(pids) - before
  return { ...result, cpuMicrosecondsPerBid: (cpu * 1e6) / Math.max(1, result.decided) }
}
