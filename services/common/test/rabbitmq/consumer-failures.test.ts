import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { createPool } from '#src/postgres/pool.ts'
import { PermanentError } from '#src/rabbitmq/consumer.ts'
import { createPublisher } from '#src/rabbitmq/publisher.ts'
import { deadLetterQueue } from '#src/rabbitmq/topology.ts'
import { TEST_CONNECTION_TIMEOUT_MS } from '#src/testing/database.ts'
import { startTcpRelay } from '#src/testing/tcp-relay.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import {
  createMessagingWorld,
  type EffectsDatabase,
  FAST_TIERS,
  fold,
  itemId,
  placed,
  QUEUE,
  store,
  untilAllowedArrived,
} from './helper.ts'

const DEAD = deadLetterQueue(QUEUE)
const bids = (amounts: string[]) => amounts.map((amount) => placed(itemId(), amount, 1))
const many = (count: number) => Array.from({ length: count }, () => '10.00')

t.test('connections cut in the middle: nothing is lost, nothing done twice', async (t) => {
  const world = await createMessagingWorld(t)
  world.relay()
  world.consume([store()])
  const total = 500
  await world.write(bids(many(total)))
  for (const share of [0.1, 0.4, 0.7]) {
    await waitFor('progress', async () => (await world.effects()).length >= total * share)
    await waitFor('something to cut', () => world.broker.network.cut() > 0)
  }
  await waitFor('all effects', async () => (await world.effects()).length >= total)
  const ids = (await world.effects()).map(({ message_id }) => message_id)
  t.equal(ids.length, total)
  t.equal(new Set(ids).size, total)
  await waitFor('the queue to be empty', async () => (await world.depth(QUEUE)) === 0)
  t.equal(await world.depth(DEAD), 0)
})

t.test('an answer that comes after its connection is gone acknowledges nothing', async (t) => {
  const world = await createMessagingWorld(t)
  const gates: (() => void)[] = []
  world.relay()
  const consumers = world.consume([
    store(() => new Promise<void>((resolve) => gates.push(resolve))),
  ])
  await world.write(bids(['10.00', '11.00']))
  await waitFor('the first handler', () => gates.length === 1)
  world.broker.network.cut()
  await waitFor('the loss', () => !consumers.isReady())
  await waitFor('the connection', () => consumers.isReady())
  gates[0]?.()
  // The first message comes again and finds its effect; the second is begun, and its process
  // ends: had the late answer acknowledged it, it would be lost now.
  await waitFor('the second handler', () => gates.length === 2)
  world.broker.network.cut()
  await waitFor('the second loss', () => !consumers.isReady())
  await waitFor('the second connection', () => consumers.isReady())
  // Either came back first, and while it is in hand the other one waits at the broker.
  await waitFor('one of them again', async () => (await world.depth(QUEUE)) <= 1)
  gates[1]?.()
  await waitFor('both effects', async () => (await world.effects()).length === 2)
  await waitFor('consumption', () => consumers.isReady())
  const amounts = (await world.effects()).map(({ amount }) => amount)
  t.strictSame(amounts.sort(), ['10.00', '11.00'])
})

t.test(
  'seed bug 38: poison goes to the dead letters with its reason and harms no neighbour',
  async (t) => {
    const world = await createMessagingWorld(t)
    const consumers = world.consume([
      store((amount) => {
        if (amount === '66.00') throw new PermanentError('this can never work')
      }),
    ])
    await waitFor('consumers', () => consumers.isReady())
    const channel = await world.channel()
    const publish = (content: string) =>
      channel.publish('auction.bid', 'bid.placed.v1', Buffer.from(content))
    const envelope = (amount: string) => JSON.stringify(placed(itemId(), amount, 1).envelope)
    publish('not json at all')
    publish(envelope('10.00'))
    publish('{"event":"bid.placed","version":"v2","payload":{}}')
    publish('{"event":"bid.placed","version":"v1","payload":{"itemId":"nonsense","amount":"1.00"}}')
    publish(envelope('66.00'))
    publish(envelope('11.00'))
    await channel.waitForConfirms()
    await waitFor('the good ones', async () => (await world.effects()).length === 2)
    const letters = await world.drain(DEAD, 4)
    t.match(
      letters.map(({ headers }) => headers['x-reason']),
      [/JSON envelope/, /expected bid.placed.v1/, /payload/, /never work/],
    )
    for (const { headers } of letters) {
      t.match(headers, {
        'x-error-code': /^(InvalidEventError|PermanentError)$/,
        'x-attempts': 1,
        'x-first-seen': /Z$/,
        'x-original-queue': QUEUE,
      })
    }
  },
)

t.test(
  'seed bug 15: a failure is retried in every tier, and after five attempts it is dead',
  async (t) => {
    const world = await createMessagingWorld(t)
    let calls = 0
    world.relay()
    world.consume([
      store((amount) => {
        if (amount !== '66.00') return
        calls += 1
        throw Object.assign(new Error('not yet'), { code: 'shop.closed' })
      }),
    ])
    const [bad, good] = bids(['66.00', '10.00'])
    if (bad === undefined || good === undefined) return t.fail('no events')
    await world.write([bad, good])
    await waitFor('the neighbour', async () => (await world.effects()).length === 1)
    const [letter] = await world.drain(DEAD, 1)
    t.equal(calls, 5)
    t.equal(letter?.id, bad.envelope.id)
    t.match(letter?.headers, {
      'x-attempts': 5,
      'x-reason': 'not yet',
      'x-error-code': 'shop.closed',
      'x-original-queue': QUEUE,
      'x-service': 'bid',
      'x-correlation-id': 'test',
    })
    t.notHas(letter?.headers, { 'x-death': /./ })
  },
)

t.test('a failure waits as long as its tier says', async (t) => {
  const world = await createMessagingWorld(t)
  const times: number[] = []
  world.relay()
  world.consume([
    store(() => {
      times.push(performance.now())
      throw new Error('not yet')
    }),
  ])
  await world.write(bids(['10.00']))
  await waitFor('five tries', () => times.length === 5)
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  const delays = FAST_TIERS.map(({ delayMs }) => delayMs)
  for (const [index, delayMs] of [...delays, delays.at(-1) ?? 0].entries())
    t.ok((pauses[index] ?? 0) >= delayMs - 1, `pause ${index + 1}: ${pauses[index]} ms`)
})

t.test('one poison in a batch is separated by halving, the rest keeps its batches', async (t) => {
  const world = await createMessagingWorld(t)
  let transactions = 0
  world.relay()
  const amounts = many(400)
  amounts[200] = '66.00'
  await world.write(bids(amounts))
  await waitFor('all in the queue', async () => (await world.unsent()) === 0)
  world.consume([
    fold(100, async (batch) => {
      transactions += 1
      await untilAllowedArrived(world, 400, 100)
      if (batch.includes('66.00')) throw new PermanentError('poison')
    }),
  ])
  await waitFor('the rest', async () => (await world.effects()).length === 399)
  await waitFor('the poison', async () => (await world.depth(DEAD)) === 1)
  t.equal((await world.drain(DEAD, 1)).length, 1)
  t.ok(transactions < 60, `${transactions} transactions for 400 messages`)
})

t.test('a deadlock is tried again at once and costs no attempt', async (t) => {
  const world = await createMessagingWorld(t)
  let calls = 0
  world.relay()
  world.consume([
    fold(100, async () => {
      calls += 1
      if (calls === 1) await sql`do $$ begin raise sqlstate '40P01'; end $$`.execute(world.db)
    }),
  ])
  await world.write(bids(['10.00', '11.00']))
  await waitFor('the effects', async () => (await world.effects()).length === 2)
  for (const { name } of FAST_TIERS) t.equal(await world.depth(`${QUEUE}.retry.${name}`), 0)
  t.equal(calls <= 3, true, `${calls} calls`)
})

t.test('a handler that takes too long has failed, and nothing of it is committed', async (t) => {
  const world = await createMessagingWorld(t)
  const late: (() => void)[] = []
  let calls = 0
  world.relay()
  world.consume(
    [
      store(() => {
        calls += 1
        return calls === 1 ? new Promise<void>((resolve) => late.push(resolve)) : undefined
      }),
    ],
    { handlerTimeoutMs: 2_000 },
  )
  await world.write(bids(['10.00', '11.00']))
  await waitFor('the effects', async () => (await world.effects()).length === 2)
  late[0]?.()
  await world.write(bids(['12.00']))
  await waitFor('one more', async () => (await world.effects()).length >= 3)
  const amounts = (await world.effects()).map(({ amount }) => amount)
  t.strictSame(amounts.sort(), ['10.00', '11.00', '12.00'])
})

t.test('while PostgreSQL is away messages wait, and no attempt is counted', async (t) => {
  const world = await createMessagingWorld(t)
  const { POSTGRES_HOST: host, POSTGRES_PORT: port } = world.config
  const network = await startTcpRelay(host, port)
  t.teardown(() => network.stop())
  const config = { ...world.config, POSTGRES_HOST: '127.0.0.1', POSTGRES_PORT: network.port }
  const pool = createPool(config, {
    log: world.log,
    connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS,
  })
  t.teardown(() => pool.end())
  const db = new Kysely<EffectsDatabase>({ dialect: new PostgresDialect({ pool }) })
  let calls = 0
  world.relay()
  world.consume(
    [
      store(() => {
        calls += 1
      }),
    ],
    { db },
  )
  await world.write(bids(many(50)))
  await waitFor('some effects', async () => (await world.effects()).length > 5)
  await network.stop()
  const begun = calls
  await waitFor('a refused connection', async () => {
    const client = new pg.Client({ host: '127.0.0.1', port: network.port })
    return client.connect().then(
      () => false,
      () => true,
    )
  })
  t.ok((await world.effects()).length < 50)
  await network.start()
  await waitFor('all effects', async () => (await world.effects()).length === 50)
  t.ok(calls <= begun + 51, 'nothing was handled in vain while the database was away')
  for (const { name } of FAST_TIERS) t.equal(await world.depth(`${QUEUE}.retry.${name}`), 0)
  t.equal(await world.depth(DEAD), 0)
})

for (const poison of ['not JSON', 'refused by the handler']) {
  t.test(`closing while a dead letter cannot be put away loses nothing: ${poison}`, async (t) => {
    const world = await createMessagingWorld(t)
    const publisher = createPublisher(world.open('lost'), 'lost')
    await waitFor('the publisher', () => publisher.isReady())
    await publisher.close()
    const [bad, ...good] = bids(['66.00', ...many(3)]).map(({ envelope }) => envelope)
    const contents = good.map((envelope) => JSON.stringify(envelope))
    contents.unshift(poison === 'not JSON' ? 'poison' : JSON.stringify(bad))
    const channel = await world.channel()
    for (const content of contents)
      channel.publish('auction.bid', 'bid.placed.v1', Buffer.from(content))
    await channel.waitForConfirms()
    const consumers = world.consume(
      [
        fold(100, (amounts) => {
          if (amounts.includes('66.00')) throw new PermanentError('never')
        }),
      ],
      { publisher },
    )
    await waitFor('the messages to be taken', async () => (await world.depth(QUEUE)) === 0)
    await consumers.close()
    await waitFor('all to be back', async () => (await world.depth(QUEUE)) === 4)
  })
}

t.test('a queue that is deleted under its consumer is there again and consumed', async (t) => {
  const world = await createMessagingWorld(t)
  world.relay()
  const consumers = world.consume([store()])
  await waitFor('consumption', () => consumers.isReady())
  const channel = await world.channel()
  await channel.deleteQueue(QUEUE)
  await waitFor('the cancellation', () => !consumers.isReady())
  await waitFor('consumption again', () => consumers.isReady())
  await world.write(bids(['10.00']))
  await waitFor('the effect', async () => (await world.effects()).length === 1)
})
