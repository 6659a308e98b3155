import { freePorts } from '@auction/common/testing/ports.ts'
import type { BenchSettings } from './bid-path.ts'
import { type BenchServer, load, startServer } from './children.ts'
import type { LoadOrder } from './load.ts'
import { median, type Row, versus } from './report.ts'
import { type BenchWorld, START_CENTS } from './world.ts'

const REPLICAS = 4
const OWN_LOTS = 16
const OWN_CONNECTIONS = 16
const HOT_CONNECTIONS = 16
const WARM_UP_SECONDS = 2
/** As of a synchronous standby far away: then the locks and not the cores decide. */
const COMMIT_MS = 200

const SLOW_COMMITS = `
  create function bench_slow_commit() returns trigger language plpgsql as
    $$ begin perform pg_sleep(${COMMIT_MS / 1000}); return null; end $$;
  create constraint trigger bench_slow_commit after insert on outbox
    deferrable initially deferred for each row execute function bench_slow_commit()`

/** P3: what replicas decide on lots of their own, while they share a hot one and without it. */
export async function benchSharedLot(world: BenchWorld, settings: BenchSettings): Promise<Row[]> {
  const { rounds, seconds, log } = settings
  const ports = await freePorts(REPLICAS)
  const servers = await Promise.all(
    ports.map((port) => startServer({ mode: 'ours', port, ...world })),
  )
  const alone: number[] = []
  const shared: number[] = []
  await world.pool.query(SLOW_COMMITS)
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const [isShared, results] of [
        [false, alone],
        [true, shared],
      ] as const) {
        const rate = await ownRate(world, servers, isShared, seconds)
        results.push(rate)
        log(`own lots ${isShared ? 'beside a hot one' : 'alone'}: ${rate.toFixed(0)}/s decided`)
      }
    }
  } finally {
    await world.pool.query('drop function bench_slow_commit cascade')
    await Promise.all(servers.map((server) => server.stop()))
  }
  return [
    versus({
      goal: 'P3',
      what: `${REPLICAS} replicas, own lots, commits of ${COMMIT_MS} ms: sharing a hot lot; without it`,
      ours: median(shared),
      baseline: median(alone),
      wanted: 0.9,
      unit: '/s',
    }),
  ]
}

async function ownRate(
  world: BenchWorld,
  servers: BenchServer[],
  isShared: boolean,
  seconds: number,
): Promise<number> {
  const { tokens } = world
  const common = { tokens, fromCents: START_CENTS, spreadCents: 0 }
  const own = async (server: BenchServer): Promise<LoadOrder> => ({
    ...common,
    ports: [server.port],
    itemIds: await world.lots(OWN_LOTS),
    connections: OWN_CONNECTIONS,
    seconds,
  })
  const orders = await Promise.all(servers.map(own))
  const hot: LoadOrder = {
    ...common,
    ports: servers.map(({ port }) => port),
    itemIds: await world.lots(1),
    connections: HOT_CONNECTIONS,
    seconds: seconds + 2 * WARM_UP_SECONDS,
  }
  const heating = isShared ? load(hot) : undefined
  await Promise.all(orders.map((order) => load({ ...order, seconds: WARM_UP_SECONDS })))
  // Above what the warm-up bid: a refused bid writes no event, so its commit is not slow.
  const fromCents = START_CENTS * 2
  const results = await Promise.all(orders.map((order) => load({ ...order, fromCents })))
  await heating
  return results.reduce((sum, { decided, seconds: took }) => sum + decided / took, 0)
}
