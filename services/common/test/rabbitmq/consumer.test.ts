import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { bidPlaced } from '#src/contracts/bid.ts'
import { createEvent } from '#src/contracts/event.ts'
import { idempotent, PermanentError, transactional } from '#src/rabbitmq/consumer.ts'
import { outboxTransaction, writeOutbox } from '#src/rabbitmq/outbox.ts'
import { deadLetterQueue } from '#src/rabbitmq/topology.ts'
import { createRegistry } from '#src/telemetry/metrics.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import {
  createMessagingWorld,
  type EffectsDatabase,
  fold,
  itemId,
  placed,
  QUEUE,
  store,
  unheard,
  untilAllowedArrived,
} from './helper.ts'

const DEAD = deadLetterQueue(QUEUE)

t.test('a message has its effect once, however often it is delivered', async (t) => {
  const world = await createMessagingWorld(t)
  const registry = createRegistry('test')
  const relay = world.relay()
  world.consume([store()], { registry })
  await world.write([placed(itemId(), '10.00', 1), placed(itemId(), '11.00', 1)])
  await waitFor('effects', async () => (await world.effects()).length === 2)
  await waitFor('the mark', async () => (await world.unsent()) === 0)
  // The same relay would leave out for a minute what it has read.
  await relay.close()
  await world.pool.query('update outbox set sent_at = null')
  world.relay()
  await waitFor('both again', async () => {
    const metric = await registry.getSingleMetric('consumer_messages_total')?.get()
    return metric?.values.some(({ labels, value }) => labels.outcome === 'repeated' && value === 2)
  })
  t.equal((await world.effects()).length, 2)
})

t.test('a message of the original, which has no id, has its effect once too', async (t) => {
  const world = await createMessagingWorld(t)
  let tries = 0
  const consumers = world.consume([
    store(() => {
      tries += 1
      if (tries === 1) throw new Error('not yet')
    }),
  ])
  await waitFor('consumers', () => consumers.isReady())
  const channel = await world.channel()
  const content = JSON.stringify({
    event: 'bid.placed',
    version: 'v1',
    timestamp: '2026-11-23T07:00:00Z',
    payload: { ItemID: itemId(), Amount: '12.50', Timestamp: '2026-11-23T07:00:00Z' },
  })
  for (let copy = 0; copy < 2; copy += 1)
    channel.publish('auction.bid', 'bid.placed.v1', Buffer.from(content))
  await waitFor('both copies, one after a retry', async () => {
    const { rows } = await world.pool.query('select 1 from inbox')
    return tries >= 2 && rows.length > 0 && (await world.depth(QUEUE)) === 0
  })
  await waitFor('the retry to be over', async () => (await world.depth(`${QUEUE}.retry.5s`)) === 0)
  t.match(await world.effects(), [{ amount: '12.50' }])
})

t.test(
  'seed bug 13: events that a handler writes leave with its effect and continue the trace',
  async (t) => {
    const world = await createMessagingWorld(t)
    const seen: unknown[] = []
    await waitFor('the publisher', () => world.publisher.isReady())
    // The relay polls once a minute, so only the wake-ups after both commits publish in time.
    const relay = world.relay({ pollIntervalMs: 60_000, publisher: world.publisher })
    await waitFor('active', () => relay.isActive())
    world.consume([
      transactional<EffectsDatabase, typeof bidPlaced.payload>({
        kind: 'transactional',
        consumer: 'auction',
        contract: bidPlaced,
        async handle(tx, event) {
          seen.push(event.trace)
          const context = { aggregateId: 'x', causationId: event.id }
          await writeOutbox(tx, [
            createEvent(
              unheard,
              { ...context, trace: event.trace },
              { itemId: event.payload.itemId },
            ),
          ])
        },
      }),
    ])
    const event = placed(itemId(), '10.00', 1)
    const traceId = 'b'.repeat(32)
    await outboxTransaction(world.db, (tx) =>
      writeOutbox(tx, [{ ...event, traceparent: `00-${traceId}-${'c'.repeat(16)}-00` }]),
    )
    await waitFor('both events to be published', async () => {
      const { rows } = await world.pool.query('select 1 from outbox where sent_at is not null')
      return rows.length === 2
    })
    t.match(seen, [{ traceId, correlationId: 'test' }])
    const { rows } = await world.pool.query(
      `select events->0->'envelope' as envelope from outbox order by seq desc limit 1`,
    )
    t.match(rows[0]?.envelope, {
      event: 'bid.unheard',
      traceId,
      correlationId: 'test',
      causationId: event.envelope.id,
    })
  },
)

t.test('a projection takes what has arrived, at most as much as it wants', async (t) => {
  const world = await createMessagingWorld(t)
  const sizes: number[] = []
  world.relay()
  await world.write(Array.from({ length: 450 }, () => placed(itemId(), '10.00', 1)))
  await waitFor('all in the queue', async () => (await world.unsent()) === 0)
  world.consume([
    fold(100, async (amounts) => {
      sizes.push(amounts.length)
      await untilAllowedArrived(world, 450, 100)
    }),
  ])
  await waitFor('all', async () => (await world.effects()).length === 450)
  t.ok(Math.max(...sizes) <= 100)
  t.ok(sizes.length <= 20, `450 messages in ${sizes.length} batches`)
  await world.write([placed(itemId(), '10.00', 1)])
  await waitFor('a single one is not kept waiting', () => sizes.at(-1) === 1)
})

t.test('an idempotent handler holds no transaction and is retried like the others', async (t) => {
  const world = await createMessagingWorld(t)
  const seen: string[] = []
  world.relay()
  world.consume([
    idempotent<typeof bidPlaced.payload>({
      kind: 'idempotent',
      consumer: 'auction',
      contract: bidPlaced,
      async handle(event) {
        seen.push(event.payload.amount)
        if (seen.length === 1) throw new Error('not yet')
      },
    }),
  ])
  await world.write([placed(itemId(), '10.00', 1)])
  await waitFor('the second try', () => seen.length === 2)
  t.strictSame(seen, ['10.00', '10.00'])
})

t.test('closing finishes what was begun and gives back what was not', async (t) => {
  const world = await createMessagingWorld(t)
  let begun = 0
  let proceed = () => {}
  const gate = new Promise<void>((resolve) => {
    proceed = resolve
  })
  world.relay()
  const consumers = world.consume([
    store(async () => {
      begun += 1
      await gate
    }),
  ])
  await world.write(Array.from({ length: 5 }, () => placed(itemId(), '10.00', 1)))
  await waitFor('the first to begin', () => begun === 1)
  const closed = consumers.close()
  proceed()
  await closed
  t.equal(begun, 1)
  t.equal((await world.effects()).length, 1)
  await waitFor('the rest to be back', async () => (await world.depth(QUEUE)) === 4)
})

t.test('metrics count by queue and outcome, and show what lies among the dead', async (t) => {
  const world = await createMessagingWorld(t)
  const registry = createRegistry('test')
  world.relay()
  world.consume(
    [
      store((amount) => {
        if (amount === '66.00') throw new PermanentError('never')
      }),
    ],
    { registry, depthIntervalMs: 20 },
  )
  await world.write([placed(itemId(), '10.00', 1), placed(itemId(), '66.00', 1)])
  const counted = [
    `dead_letter_queue_messages{queue="${DEAD}",service="test"} 1\n`,
    ...['handled', 'dead_lettered'].map(
      (outcome) =>
        `consumer_messages_total{queue="${QUEUE}",outcome="${outcome}",service="test"} 1\n`,
    ),
    ...['consumer_batch_seconds', 'consumer_lag_seconds'].map(
      (name) => new RegExp(`${name}_count\\{.*queue="${QUEUE}".*\\} 2\n`),
    ),
  ]
  // The dead letter lies at the broker before its consumer counts it.
  for (const line of counted)
    await waitFor(`${line}`, async () => {
      const text = await registry.metrics()
      return typeof line === 'string' ? text.includes(line) : line.test(text)
    })
})

t.test(
  'the age of what a consumer holds grows while it is stuck and is 0 afterwards',
  async (t) => {
    const world = await createMessagingWorld(t)
    const registry = createRegistry('test')
    const age = async () => {
      const metric = await registry.getSingleMetric('consumer_oldest_message_seconds')?.get()
      return metric?.values.find(({ labels }) => labels.queue === QUEUE)?.value
    }
    let proceed = () => {}
    const stuck = new Promise<void>((resolve) => {
      proceed = resolve
    })
    world.relay()
    const consumers = world.consume([store(() => stuck)], { registry })
    await waitFor('consumers', () => consumers.isReady())
    t.equal(await age(), 0, 'nothing in hand')
    await world.write([placed(itemId(), '10.00', 1)])
    // The broker keeps whole seconds, so the first one may already be passed at delivery.
    await waitFor('two seconds of age', async () => ((await age()) ?? 0) > 2)
    proceed()
    await waitFor('the effect', async () => (await world.effects()).length === 1)
    await waitFor('no age', async () => (await age()) === 0)
  },
)

t.test('a failure is logged with the message, the trace and the correlation id', async (t) => {
  const world = await createMessagingWorld(t)
  const lines: Record<string, unknown>[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  world.relay()
  world.consume(
    [
      store(() => {
        throw new PermanentError('never')
      }),
    ],
    { log: pino(sink) },
  )
  const event = placed(itemId(), '66.00', 1)
  await world.write([event])
  await waitFor('the dead letter', async () => (await world.depth(DEAD)) === 1)
  // It lies at the broker before its consumer logs it.
  await waitFor('a line', () => lines.length > 0)
  t.match(lines, [
    {
      msg: 'message dead-lettered',
      queue: QUEUE,
      messageId: event.envelope.id,
      traceId: event.envelope.traceId,
      correlationId: 'test',
      err: { message: 'never' },
    },
  ])
})
