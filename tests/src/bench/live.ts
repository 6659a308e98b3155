import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bidPlaced } from '@auction/common/contracts/bid.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { formatAmount } from '@auction/common/money.ts'
import { freePorts } from '@auction/common/testing/ports.ts'
import type { Infrastructure } from '@auction/local/infrastructure.ts'
import { startPlatform } from '@auction/local/platform.ts'
import { migrationSpec, type ServiceContext, serviceSpec } from '@auction/local/services.ts'
import { type ConfirmChannel, connect } from 'amqplib'
import { createClient } from '#src/api-client.ts'
import { percentile } from '#src/percentile.ts'
import { openPool } from '#src/pools.ts'
import { cpuSeconds, load } from './children.ts'
import type { Sighting, WatchersOrder, WatchersReport } from './live-watchers.ts'
import { openLots } from './open-lots.ts'
import { atMost, type Row, seen } from './report.ts'

const WATCHERS = 10_000
const UNREAD = 1_000
const GENERATORS = 4
const UPDATES_PER_SECOND = 10
const P99_MAX_MS = 250
const MEMORY_MAX_MB = 250
const PATH_P99_MAX_MS = 150
const BIDS_PER_SECOND = 1_000
const PATH_WATCHERS = 60
const WARM_UP_SECONDS = 2
const LAST_MS = 3_000

const API = 'notification-api'
const megabytes = (kilobytes: number) => kilobytes / 1_024

interface Watchers {
  /** What they saw since they connected. */
  finish(): Promise<{ sightings: Sighting[]; lost: number; cpuSeconds: number }>
  stop(): void
}

/** P7: 10,000 watchers of one lot on one process, all reading and with 1,000 that do not read. */
export async function benchLive(
  infrastructure: Infrastructure,
  seconds: number,
  log: (line: string) => void,
): Promise<Row[]> {
  await infrastructure.rabbitmqReady
  const rows: Row[] = []
  for (const frozen of [0, UNREAD]) {
    const what = frozen === 0 ? 'all read' : `${frozen} do not read`
    const api = await startApi(infrastructure)
    const itemId = randomUUID()
    const watchers = await startWatchers(api.port, WATCHERS, frozen, () => [itemId])
    try {
      const idleMb = memoryOf(api.pid)
      const cpuFrom = cpuSeconds([api.pid])
      const published = await publishSteadily(infrastructure.rabbitmq.url, itemId, seconds)
      const cpu = cpuSeconds([api.pid]) - cpuFrom
      const busyMb = memoryOf(api.pid)
      const { sightings, lost, cpuSeconds: watching } = await watchers.finish()
      const { lags, missed } = lagsOf(sightings, published, WATCHERS - frozen)
      log(
        `P7, ${what}: ${sightings.length} events in ${seconds} s, ` +
          `p50 ${percentile(lags, 0.5).toFixed(0)} p99 ${percentile(lags, 0.99).toFixed(0)} ` +
          `max ${percentile(lags, 1).toFixed(0)} ms; ${idleMb.toFixed(0)} MB idle, ` +
          `${busyMb.toFixed(0)} MB busy; CPU ${cpu.toFixed(1)} s, watchers ${watching.toFixed(1)} s; ` +
          `load average ${loadavg()[0]?.toFixed(1)}`,
      )
      if (lost > 0) throw new Error(`${lost} streams that were read have ended`)
      if (missed > 0) throw new Error(`${missed} watchers did not see the last price`)
      const p99 = percentile(lags, 0.99)
      const name = `10,000 watchers of one lot, ${what}`
      rows.push(atMost('P7', `${name}, p99 at 10 updates/s`, p99, P99_MAX_MS, 'ms'))
      rows.push(atMost('P7', `${name}, memory`, busyMb, MEMORY_MAX_MB, 'MB'))
      const sent = (sightings.length / (WATCHERS - frozen) / seconds).toFixed(1)
      rows.push(seen('P7', `${name}, updates that each got`, `${sent}/s`, ''))
    } finally {
      watchers.stop()
      await api.stop()
    }
  }
  return rows
}

export async function startApi({
  table,
  secrets,
  postgres,
  rabbitmq,
}: Infrastructure): Promise<{ port: number; pid: number; opsPort: number; stop(): Promise<void> }> {
  const [port = 0, opsPort = 0, identity = 0] = await freePorts(3)
  const context: ServiceContext = {
    stateDir: table.logFile('').replace(/\/logs\/.*$/, ''),
    secrets,
    postgresPort: postgres.port,
    rabbitmqUrl: rabbitmq.url,
    publicUrl: 'http://localhost',
    grpcPort: 0,
    smtpPort: 0,
    sandboxUrl: 'http://127.0.0.1:9',
    listeners: new Map([
      [API, { port, opsPort }],
      ['identity-api', { port: identity, opsPort: identity }],
    ]),
  }
  const migration = table.spawn(migrationSpec('notification', context))
  const end = await migration.exited
  if (end !== 'code 0') throw table.ended(migration.name, end)
  const spec = serviceSpec(API, context, {
    LIVE_STREAMS_MAX: '20000',
  })
  const api = table.spawn(spec)
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${opsPort}/health/ready`).catch(() => undefined)
    await answer?.text()
    if (answer?.ok === true) break
    if (!api.isRunning()) throw table.ended(API, await api.exited)
    await wait(50)
  }
  return { port, pid: api.pid, opsPort, stop: () => api.stop() }
}

/** Resolves when all of them are connected. */
export async function startWatchers(
  port: number,
  count: number,
  frozen: number,
  lotsOf: (watcher: number) => string[],
): Promise<Watchers> {
  const share = Math.ceil(count / GENERATORS)
  const children = await Promise.all(
    Array.from({ length: GENERATORS }, async (_, index) => {
      const from = index * share
      const order: WatchersOrder = {
        port,
        address: 70 + index,
        frozen: Math.floor(frozen / GENERATORS),
        lots: Array.from({ length: Math.min(share, count - from) }, (_, nth) => lotsOf(from + nth)),
      }
      const child = fork(fileURLToPath(new URL('live-watchers.ts', import.meta.url)), ['run'])
      await message(child)
      child.send(order)
      await message(child)
      return child
    }),
  )
  return {
    async finish() {
      const reports = await Promise.all(
        children.map(async (child) => {
          child.send('finish')
          const report = await message<WatchersReport>(child)
          if (report.kind !== 'sightings') throw new Error('a generator did not answer')
          return report
        }),
      )
      return {
        sightings: reports.flatMap(({ sightings }, index) =>
          sightings.map((one) => ({ ...one, watcher: one.watcher + index * share })),
        ),
        lost: reports.reduce((sum, { lost }) => sum + lost, 0),
        cpuSeconds: reports.reduce((sum, one) => sum + one.cpuSeconds, 0),
      }
    },
    stop() {
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) =>
      reject(new Error(`a process of the benchmark ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', (answer) => {
      child.off('exit', onExit)
      resolve(answer as T)
    })
  })
}

/** Prices of the one lot at a steady rate; answers when each sequence was published. */
async function publishSteadily(
  url: string,
  itemId: string,
  seconds: number,
): Promise<Map<number, number>> {
  const connection = await connect(url)
  const channel = await connection.createConfirmChannel()
  const published = new Map<number, number>()
  const intervalMs = 1_000 / UPDATES_PER_SECOND
  const startedAtMs = performance.now()
  for (let sequence = 1; sequence <= seconds * UPDATES_PER_SECOND; sequence += 1) {
    await wait(Math.max(0, startedAtMs + sequence * intervalMs - performance.now()))
    published.set(sequence, performance.timeOrigin + performance.now())
    publish(channel, itemId, sequence)
  }
  await channel.waitForConfirms()
  await wait(LAST_MS)
  await connection.close()
  return published
}

function publish(channel: ConfirmChannel, itemId: string, sequence: number): void {
  const trace = { traceparent: '', traceId: 'a'.repeat(32), correlationId: 'bench' }
  const price = formatAmount(10_000n + BigInt(sequence), 'USD')
  const { exchange, key, envelope } = createEvent(
    bidPlaced,
    { aggregateId: itemId, sequence, trace },
    {
      bidId: randomUUID(),
      itemId,
      userId: randomUUID(),
      leaderId: randomUUID(),
      amount: price,
      currencyCode: 'USD',
      currentPrice: price,
      minNextBid: price,
      bidCount: sequence,
      reserveMet: true,
      buyNowAvailable: false,
      endDate: new Date(Date.now() + 60_000).toISOString(),
      extensionCount: 0,
      kind: 'manual',
      sequence,
    },
  )
  channel.publish(exchange, key, Buffer.from(JSON.stringify(envelope)), {
    persistent: true,
    messageId: envelope.id,
    timestamp: Math.floor(Date.now() / 1_000),
  })
}

/**
 * How long each price took to each watcher: until the first price was read that is as new. Prices
 * that were left out because a newer one came are counted, with the time of the newer one.
 */
function lagsOf(
  sightings: readonly Sighting[],
  published: ReadonlyMap<number, number>,
  watchers: number,
): { lags: number[]; missed: number } {
  const lags: number[] = []
  const upTo = new Map<number, number>()
  const lastSequence = Math.max(...published.keys())
  for (const { watcher, sequence, atMs } of sightings) {
    for (let one = (upTo.get(watcher) ?? 0) + 1; one <= sequence; one += 1)
      lags.push(atMs - (published.get(one) ?? atMs))
    upTo.set(watcher, Math.max(sequence, upTo.get(watcher) ?? 0))
  }
  const whole = [...upTo.values()].filter((sequence) => sequence === lastSequence).length
  return { lags, missed: watchers - whole }
}

const memoryOf = (pid: number) =>
  megabytes(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0))

/**
 * The second half of P6: from the clock read that decides a bid to the watcher's socket, at 1,000 bids
 * a second on the whole platform. A bid that a newer one of its lot overtook counts with the time of that.
 */
export async function benchLivePath(
  stateDir: string,
  seconds: number,
  log: (line: string) => void,
): Promise<Row> {
  const platform = await startPlatform({ stateDir, log })
  const client = createClient({ baseUrl: platform.gatewayUrl })
  const bid = openPool(platform.postgres.url('bid'))
  let watchers: Watchers | undefined
  try {
    const { itemIds, bidders } = await openLots(client)
    const each = itemIds.length / PATH_WATCHERS
    watchers = await startWatchers(
      Number(new URL(platform.gatewayUrl).port),
      PATH_WATCHERS,
      0,
      (watcher) => itemIds.slice(watcher * each, (watcher + 1) * each),
    )
    const order = {
      ports: [Number(new URL(platform.addresses.get('bid-api') ?? '').port)],
      itemIds,
      tokens: bidders.map(({ token }) => token),
      connections: 64,
      rate: BIDS_PER_SECOND,
      fromCents: 10_000_000,
      spreadCents: 0,
    }
    await load({ ...order, seconds: WARM_UP_SECONDS })
    const { rows: clock } = await bid.query<{ now: Date }>('select clock_timestamp() as now')
    const { decided, seconds: tookSeconds } = await load({
      ...order,
      fromCents: order.fromCents * 2,
      seconds,
    })
    await wait(LAST_MS)
    const { sightings } = await watchers.finish()
    const { rows: bids } = await bid.query<{ itemId: string; sequence: number; ms: number }>(
      `select item_id as "itemId", sequence::float8 as sequence,
         (extract(epoch from recorded_at) * 1000)::float8 as ms
       from bids where silent_raise = 0 and sequence is not null and kind <> 'auto' and recorded_at > $1`,
      [clock[0]?.now],
    )
    const byLot = Map.groupBy(sightings, ({ itemId }) => itemId)
    const lags = bids.flatMap(({ itemId, sequence, ms }) => {
      const first = byLot.get(itemId)?.find((one) => one.sequence >= sequence)
      return first === undefined ? [] : [first.atMs - ms]
    })
    log(
      `P6: ${(decided / tookSeconds).toFixed(0)} bids/s, ${lags.length} of ${bids.length} accepted seen by watchers; ` +
        `p50 ${percentile(lags, 0.5).toFixed(0)} p99 ${percentile(lags, 0.99).toFixed(0)} ` +
        `max ${percentile(lags, 1).toFixed(0)} ms; load average ${loadavg()[0]?.toFixed(1)}`,
    )
    if (lags.length < bids.length) throw new Error('bids were not seen by their watchers')
    const what = 'decided to the watcher, through the gateway, p99 at 1,000 bids/s'
    return atMost('P6', what, percentile(lags, 0.99), PATH_P99_MAX_MS, 'ms')
  } finally {
    watchers?.stop()
    client.close()
    await bid.end()
    await platform.stop()
  }
}
