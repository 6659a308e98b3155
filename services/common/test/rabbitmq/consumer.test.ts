import t from 'tap'
import { bidPlaced } from '#src/contracts/bid.ts'
import { PermanentError, projection, transactional } from '#src/rabbitmq/consumer.ts'
import { deadLetterQueue } from '#src/rabbitmq/topology.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { currentTrace } from '#src/tracing.ts'
import { createMessagingWorld, type EffectsDatabase, itemId, placed, QUEUE } from './helper.ts'

type World = Awaited<ReturnType<typeof createMessagingWorld>>

const store = (fail: (amount: string) => void = () => {}) =>
  transactional<EffectsDatabase, typeof bidPlaced.payload>({
    kind: 'transactional',
    consumer: 'auction',
    contract: bidPlaced,
    async handle(tx, event) {
      fail(event.payload.amount)
      await tx
        .insertInto('effects')
        .values({
          message_id: event.id,
          item_id: event.payload.itemId,
          amount: event.payload.amount,
        })
        .execute()
    },
  })

async function deadLetters(world: World) {
  const channel = await world.channel()
  const found: { headers: Record<string, unknown>; content: string }[] = []
  for (;;) {
    const message = await channel.get(deadLetterQueue(QUEUE), { noAck: true })
    if (message === false) return found
    found.push({ headers: message.properties.headers ?? {}, content: message.content.toString() })
  }
}

const depth = async (world: World, queue: string) =>
  (await (await world.channel()).checkQueue(queue)).messageCount

t.test('a message has its effect once, however often it is delivered', async (t) => {
  const world = await createMessagingWorld(t)
  world.relay()
  world.consume([store()])
  const events = [placed(itemId(), '10.00', 1), placed(itemId(), '11.00', 1)]
  await world.write(events)
  await waitFor('effects', async () => (await world.effects()).length === 2)
  await world.pool.query('update outbox set sent_at = null')
  await waitFor('relayed again', async () => (await world.unsent()) === 0)
  await waitFor('consumed again', async () => (await depth(world, QUEUE)) === 0)
  await world.write([placed(itemId(), '12.00', 1)])
  await waitFor('the one after', async () => (await world.effects()).length >= 3)
  t.equal((await world.effects()).length, 3)
})

t.test(
  'connections cut in the middle of handling: nothing is lost, nothing done twice',
  async (t) => {
    const world = await createMessagingWorld(t)
    world.relay()
    world.consume([store()])
    const total = 300
    await world.write(
      Array.from({ length: total }, (_, index) => placed(itemId(), '10.00', index + 1)),
    )
    for (const share of [0.2, 0.5, 0.8]) {
      await waitFor('progress', async () => (await world.effects()).length >= total * share)
      await world.broker.closeConnections()
    }
    await waitFor('all effects', async () => (await world.effects()).length >= total, 30_000)
    const ids = (await world.effects()).map(({ message_id }) => message_id)
    t.equal(ids.length, total)
    t.equal(new Set(ids).size, total)
    t.strictSame(await deadLetters(world), [])
  },
)

t.test('poison goes to the dead letters with its reason and harms no neighbour', async (t) => {
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
  await waitFor('the bad ones', async () => (await depth(world, deadLetterQueue(QUEUE))) === 4)
  const reasons = (await deadLetters(world))
    .map(({ headers }) => String(headers['x-reason']))
    .sort()
  t.match(reasons, [/expected bid.placed.v1/, /payload/, /JSON envelope/, /never work/])
})

t.test(
  'a failure is retried with delay, and after five attempts it is a dead letter',
  async (t) => {
    const world = await createMessagingWorld(t)
    let calls = 0
    world.relay()
    world.consume([
      store((amount) => {
        if (amount !== '66.00') return
        calls += 1
        throw new Error('not yet')
      }),
    ])
    await world.write([placed(itemId(), '66.00', 1), placed(itemId(), '10.00', 1)])
    await waitFor('the neighbour', async () => (await world.effects()).length === 1)
    await waitFor('the dead letter', async () => (await depth(world, deadLetterQueue(QUEUE))) === 1)
    t.equal(calls, 5, 'five attempts')
    const [letter] = await deadLetters(world)
    t.match(letter?.headers, {
      'x-attempts': 5,
      'x-reason': 'not yet',
      'x-original-queue': QUEUE,
      'x-service': 'bid',
    })
  },
)

t.test('a failure that mends itself has its effect', async (t) => {
  const world = await createMessagingWorld(t)
  let calls = 0
  world.relay()
  world.consume([
    store(() => {
      calls += 1
      if (calls < 5) throw new Error('not yet')
    }),
  ])
  await world.write([placed(itemId(), '10.00', 1)])
  await waitFor('the effect', async () => (await world.effects()).length === 1)
  t.strictSame(await deadLetters(world), [])
})

t.test(
  'a projection takes batches, and one poison in a batch is taken apart from the rest',
  async (t) => {
    const world = await createMessagingWorld(t)
    const sizes: number[] = []
    world.relay()
    await world.write(
      Array.from({ length: 400 }, (_, index) =>
        placed(itemId(), index === 200 ? '66.00' : '10.00', 1),
      ),
    )
    await waitFor('all in the queue', async () => (await world.unsent()) === 0)
    world.consume([
      projection<EffectsDatabase, typeof bidPlaced.payload>({
        kind: 'projection',
        consumer: 'auction',
        contract: bidPlaced,
        batchMax: 100,
        async handle(tx, events) {
          sizes.push(events.length)
          if (events.some(({ payload }) => payload.amount === '66.00'))
            throw new PermanentError('poison')
          await tx
            .insertInto('effects')
            .values(
              events.map(({ id, payload }) => ({
                message_id: id,
                item_id: payload.itemId,
                amount: payload.amount,
              })),
            )
            .execute()
        },
      }),
    ])
    await waitFor('the rest', async () => (await world.effects()).length === 399)
    await waitFor('the poison', async () => (await depth(world, deadLetterQueue(QUEUE))) === 1)
    t.ok(Math.max(...sizes) > 50, `batches of up to ${Math.max(...sizes)}`)
  },
)

t.test('while PostgreSQL is away messages wait and no attempt is counted', async (t) => {
  const world = await createMessagingWorld(t)
  let outages = 3
  world.relay()
  world.consume([
    store(() => {
      if (outages-- > 0)
        throw Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' })
    }),
  ])
  await world.write([placed(itemId(), '10.00', 1)])
  await waitFor('the effect', async () => (await world.effects()).length === 1)
  const channel = await world.channel()
  for (const tier of ['5s', '30s', '5m']) {
    t.equal((await channel.checkQueue(`${QUEUE}.retry.${tier}`)).messageCount, 0)
  }
})

t.test('a handler continues the trace and the correlation id of the message', async (t) => {
  const world = await createMessagingWorld(t)
  const seen: unknown[] = []
  world.relay()
  world.consume([
    transactional<EffectsDatabase, typeof bidPlaced.payload>({
      kind: 'transactional',
      consumer: 'auction',
      contract: bidPlaced,
      async handle() {
        seen.push(currentTrace())
      },
    }),
  ])
  const event = placed(itemId(), '10.00', 1)
  const traceId = 'b'.repeat(32)
  await world.write([{ ...event, traceparent: `00-${traceId}-${'c'.repeat(16)}-00` }])
  await waitFor('the message', () => seen.length === 1)
  t.match(seen[0], { traceId, correlationId: 'test' })
})
