import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '@auction/common/testing/ports.ts'
import { bidPathRows, type Measured, perSecond, type Results } from './bid-path-rows.ts'
import { type BenchServer, cpuSeconds, load, type ServerOrder, startServer } from './children.ts'
import type { LoadOrder } from './load.ts'
import { topSelfTimes } from './profile.ts'
import { median, type Row } from './report.ts'
import { oneRowUpdates } from './updates.ts'
import { type BenchWorld, START_CENTS } from './world.ts'

export interface BenchSettings {
  goals: ReadonlySet<string>
  rounds: number
  seconds: number
  isProfiled: boolean
  log: (line: string) => void
}

const CONNECTIONS = 256
const MANY_LOTS = 1_000
const WARM_UP_SECONDS = 1
/** Amounts 200 bids apart at most: about one bid in eight is accepted on a hot lot. */
const SPREAD_CENTS = 400

type Forms = Record<'ours' | 'second' | 'bare' | 'transaction', BenchServer>

/** P1 to P4: the bid path against the same server without a database and a transaction per bid. */
export async function benchBidPath(world: BenchWorld, settings: BenchSettings): Promise<Row[]> {
  const { goals, log } = settings
  const forms = await startForms(world)
  const results: Results = new Map()
  try {
    for (let round = 0; round < settings.rounds; round += 1) {
      for (const [name, servers, lots, spreadCents] of plan(goals, forms)) {
        const result = await measure(world, settings, servers, { lots, spreadCents })
        keep(results, name, result, log)
      }
      if (goals.has('P1')) {
        const { postgresUrl } = world
        const updates = await oneRowUpdates({ postgresUrl, seconds: settings.seconds })
        results.set('updates', [...(results.get('updates') ?? []), updates])
        log(`one-row updates ${updates.toFixed(0)}/s`)
      }
    }
    if (goals.has('P4')) await measureHalfLoad(world, settings, forms, results)
  } finally {
    await Promise.all(Object.values(forms).map((server) => server.stop()))
  }
  if (settings.isProfiled) await profile(world, settings)
  return bidPathRows(goals, results)
}

async function startForms(world: BenchWorld): Promise<Forms> {
  const [a = 0, b = 0, c = 0, d = 0] = await freePorts(4)
  const start = (mode: ServerOrder['mode'], port: number) => startServer({ mode, port, ...world })
  const [ours, second, bare, transaction] = await Promise.all([
    start('ours', a),
    start('ours', b),
    start('bare', c),
    start('transaction', d),
  ])
  return { ours, second, bare, transaction }
}

type Measurement = [name: string, servers: BenchServer[], lots: number, spreadCents: number]

/** One round: every goal's measurements beside their baselines. */
function plan(goals: ReadonlySet<string>, forms: Forms): Measurement[] {
  const { ours, second, bare, transaction } = forms
  const isHot = goals.has('P1') || goals.has('P4')
  const measurements: Measurement[] = []
  if (goals.has('P1')) measurements.push(['hot bare', [bare], 1, SPREAD_CENTS])
  if (isHot || goals.has('P3')) measurements.push(['hot ours', [ours], 1, SPREAD_CENTS])
  if (goals.has('P3')) measurements.push(['hot two', [ours, second], 1, SPREAD_CENTS])
  if (isHot) measurements.push(['hot transaction', [transaction], 1, SPREAD_CENTS])
  if (goals.has('P1')) {
    measurements.push(['rising ours', [ours], 1, 0])
    measurements.push(['rising transaction', [transaction], 1, 0])
  }
  if (goals.has('P2')) {
    measurements.push(['many bare', [bare], MANY_LOTS, SPREAD_CENTS])
    measurements.push(['many ours', [ours], MANY_LOTS, SPREAD_CENTS])
    measurements.push(['many transaction', [transaction], MANY_LOTS, SPREAD_CENTS])
  }
  return measurements
}

interface Shape {
  lots: number
  spreadCents: number
  rate?: number
}

async function measure(
  world: BenchWorld,
  { seconds }: BenchSettings,
  servers: BenchServer[],
  { lots, ...shape }: Shape,
): Promise<Measured> {
  const order: LoadOrder = {
    ports: servers.map(({ port }) => port),
    itemIds: await world.lots(lots),
    tokens: world.tokens,
    connections: CONNECTIONS,
    seconds: WARM_UP_SECONDS,
    fromCents: START_CENTS,
    ...shape,
  }
  await load(order)
  const pids = servers.map(({ pid }) => pid)
  const itemIds = await world.lots(lots)
  const before = [cpuSeconds(pids), cpuSeconds([world.postgresPid])] as const
  const result = await load({ ...order, itemIds, seconds })
  const perBid = (cpu: number) => (cpu * 1e6) / Math.max(1, result.decided)
  return {
    ...result,
    nodeMicroseconds: perBid(cpuSeconds(pids) - before[0]),
    postgresMicroseconds: perBid(cpuSeconds([world.postgresPid]) - before[1]),
  }
}

async function measureHalfLoad(
  world: BenchWorld,
  settings: BenchSettings,
  { ours }: Forms,
  results: Results,
): Promise<void> {
  const maxima = (results.get('hot ours') ?? []) as Measured[]
  const rate = median(maxima.map(perSecond.decided)) / 2
  for (let round = 0; round < settings.rounds; round += 1) {
    const shape = { lots: 1, spreadCents: SPREAD_CENTS, rate }
    keep(results, 'hot half', await measure(world, settings, [ours], shape), settings.log)
  }
}

function keep(results: Results, name: string, result: Measured, log: (line: string) => void): void {
  results.set(name, [...(results.get(name) ?? []), result])
  const { p50Ms, p99Ms, failed, nodeMicroseconds, postgresMicroseconds } = result
  log(
    `${name.padEnd(18)} ${perSecond.decided(result).toFixed(0)}/s decided: ` +
      `${perSecond.accepted(result).toFixed(0)} accepted, ${perSecond.refused(result).toFixed(0)} refused; ` +
      `p50 ${p50Ms.toFixed(1)} p99 ${p99Ms.toFixed(1)} ms; ` +
      `${nodeMicroseconds.toFixed(0)} + ${postgresMicroseconds.toFixed(0)} us/bid; ` +
      `generator ${((result.cpuSeconds / result.seconds) * 100).toFixed(0)} % of a core; ${failed} failed`,
  )
}

/** Where our server's time goes under the hot lot and under many lots. */
async function profile(world: BenchWorld, settings: BenchSettings): Promise<void> {
  for (const lots of [1, MANY_LOTS]) {
    const profileDir = mkdtempSync(join(tmpdir(), 'auction-profile-'))
    try {
      const [port = 0] = await freePorts(1)
      const server = await startServer({ mode: 'ours', port, ...world, profileDir })
      const shape = { lots, spreadCents: SPREAD_CENTS }
      // Once to warm up: modules, tokens and plans belong to no bid.
      await measure(world, settings, [server], shape)
      const from = process.hrtime.bigint()
      await measure(world, settings, [server], shape)
      await server.stop()
      settings.log(`profile of our server, ${lots} lots, share of its busy time:`)
      for (const line of topSelfTimes(profileDir, from, 25)) settings.log(line)
    } finally {
      rmSync(profileDir, { recursive: true, force: true })
    }
  }
}
