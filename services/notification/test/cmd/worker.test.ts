import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { created, deleted, ids, lost, matched, outbid, placed, won } from '#test/events.ts'
import { call, createWorld, type World } from '#test/helper.ts'
import {
  createNeighbours,
  kill,
  SMALL_CONTAINER,
  SMALL_CONTAINER_BYTES,
  startProcess,
  stop,
  workerSettings,
} from '#test/processes.ts'

const INBOX = '/api/v1/notifications'
/** Thousands of notices take minutes where a process gets little of a processor. */
const MANY_MS = 1_200_000

async function count({ database }: World, condition: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    `select count(*)::int as count from notices where ${condition}`,
  )
  return rows[0]?.count ?? 0
}

const untilCount = (world: World, condition: string, expected: number) =>
  waitFor(
    `${expected} notices of ${condition}`,
    async () => (await count(world, condition)) === expected,
    MANY_MS,
  )

t.test('events of the broker are in the inbox, each once, also when a worker dies', async (t) => {
  const world = await createWorld(t)
  const { broker, publish } = await createNeighbours(t)
  const settings = workerSettings(world, broker)
  const first = await startProcess(t, 'worker', settings)
  const ann = world.person()
  const [seller, other, item] = ids()
  await publish([created(item, seller, 'A blue vase'), placed(item, 1, ann.id)])
  await publish([placed(item, 2, other), outbid(item, 2, ann.id), won(item, 3, other, seller)])
  const list = async () => (await call(world, 'GET', INBOX, { as: ann })).body
  await waitFor('the notice', async () => (await list()).unreadCount === 1)
  t.match((await list()).notifications, [{ template: 'outbid', title: /A blue vase/ }])
  t.match((await world.notices(seller))[0], { template: 'sold', data: { itemName: 'A blue vase' } })

  // Thousands are under way when one of two workers is lost.
  const second = await startProcess(t, 'worker', settings)
  const users = Array.from({ length: 2_000 }, () => randomUUID())
  const events = Array.from({ length: 8 }, (_, part) =>
    lost(item, 3, users.slice(part * 250, part * 250 + 250)),
  )
  await publish([...events, ...events, ...users.map((user) => matched(item, user))])
  await waitFor('some of them', async () => (await count(world, `template = 'lost'`)) > 0)
  await kill(first.process)
  await untilCount(world, `state = 'shown'`, 4_003)
  t.equal(await count(world, `template = 'lost'`), 2_000)
  t.equal(await count(world, `template = 'search_matched'`), 2_000)
  t.equal((await world.deliveries()).filter(({ channel }) => channel === 'mail').length, 2_003)

  await publish(users.map(deleted))
  await untilCount(world, 'true', 3)
  t.equal(
    (await world.deliveries()).length,
    3,
    'of outbid, won and sold, by mail: no one has a browser',
  )
  await stop(second.process)
  t.equal(second.process.exitCode, 0)
})

t.test(
  'a lot with 100,000 losers is consumed and shown within the memory of a worker',
  async (t) => {
    const world = await createWorld(t)
    const { broker, publish } = await createNeighbours(t)
    const { opsUrl } = await startProcess(
      t,
      'worker',
      workerSettings(world, broker),
      SMALL_CONTAINER,
    )
    const [item, seller, winner] = ids()
    await publish([created(item, seller, 'A blue vase'), won(item, 900, winner, seller)])
    const users = () => Array.from({ length: 500 }, () => randomUUID())
    const startedAtMs = performance.now()
    await publish(Array.from({ length: 200 }, () => lost(item, 900, users())))
    const seconds = () => ((performance.now() - startedAtMs) / 1_000).toFixed(1)
    await untilCount(world, `template = 'lost'`, 100_000)
    t.comment(`recorded after ${seconds()} s`)
    await untilCount(world, `state = 'pending'`, 0)
    t.comment(`shown after ${seconds()} s`)
    const metrics = await (await fetch(`${opsUrl}/metrics`)).text()
    const bytes = Number(/^process_resident_memory_bytes\S* (\S+)/m.exec(metrics)?.[1])
    t.comment(`${Math.round(bytes / 2 ** 20)} MiB`)
    t.ok(bytes < SMALL_CONTAINER_BYTES, `${bytes} bytes`)
    t.equal((await world.deliveries()).length, 2, 'losers are notified by their inbox alone')
  },
)
