import t from 'tap'
import { createEvent } from '#src/contracts/event.ts'
import { writeOutbox } from '#src/rabbitmq/outbox.ts'
import { deadLetterQueue } from '#src/rabbitmq/topology.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { createMessagingWorld, itemId, placed, QUEUE, unheard } from './helper.ts'

async function drainQueue(world: Awaited<ReturnType<typeof createMessagingWorld>>, count: number) {
  const channel = await world.channel()
  const bodies: { id: string; sequence: number; item: string; headers: Record<string, unknown> }[] =
    []
  await waitFor(`${count} messages`, async () => {
    const message = await channel.get(QUEUE, { noAck: true })
    if (message === false) return bodies.length >= count
    const envelope = JSON.parse(message.content.toString())
    bodies.push({
      id: String(message.properties.messageId),
      sequence: envelope.sequence,
      item: envelope.payload.itemId,
      headers: message.properties.headers ?? {},
    })
    return undefined
  })
  return bodies
}

t.test('what is committed is published with the standard headers, and only that', async (t) => {
  const world = await createMessagingWorld(t)
  world.relay()
  const item = itemId()
  await world.write([placed(item, '10.00', 1), placed(item, '11.00', 2)])
  await world.db
    .transaction()
    .execute(async (tx) => {
      await writeOutbox(tx, [placed(item, '12.00', 3)])
      throw new Error('rolled back')
    })
    .catch(() => undefined)
  const messages = await drainQueue(world, 2)
  t.strictSame(
    messages.map(({ sequence }) => sequence),
    [1, 2],
  )
  t.match(messages[0]?.headers, {
    'x-service': 'bid',
    'x-correlation-id': 'test',
    traceparent: /^00-/,
  })
  await waitFor('everything marked sent', async () => (await world.unsent()) === 0)
  const channel = await world.channel()
  t.equal((await channel.checkQueue(QUEUE)).messageCount, 0)
})

t.test(
  'connections cut again and again while publishing: nothing is lost, order per lot holds',
  async (t) => {
    const world = await createMessagingWorld(t)
    world.relay()
    const items = [itemId(), itemId(), itemId()]
    const total = 600
    for (let sequence = 1; sequence <= total / 3; sequence += 1) {
      await world.write(items.map((item) => placed(item, '10.00', sequence)))
      if (sequence % 60 === 0) await world.broker.closeConnections()
    }
    await waitFor('everything marked sent', async () => (await world.unsent()) === 0, 30_000)
    const channel = await world.channel()
    const { messageCount } = await channel.checkQueue(QUEUE)
    t.ok(messageCount >= total, `${messageCount} messages for ${total} events`)
    const messages = await drainQueue(world, messageCount)
    t.equal(new Set(messages.map(({ id }) => id)).size, total, 'every event is there')
    for (const item of items) {
      const firsts = [
        ...new Set(messages.filter((m) => m.item === item).map(({ sequence }) => sequence)),
      ]
      t.strictSame(
        firsts,
        [...firsts].sort((a, b) => a - b),
        'first appearances are in order',
      )
    }
  },
)

t.test(
  'an event whose subscriber has no queue stays unsent, and leaves when the queue is back',
  async (t) => {
    const world = await createMessagingWorld(t)
    world.relay()
    await world.write([placed(itemId(), '10.00', 1)])
    await drainQueue(world, 1)
    const channel = await world.channel()
    await channel.unbindQueue(QUEUE, 'auction.bid', 'bid.placed.v1')
    await world.write([placed(itemId(), '10.00', 1)])
    await world.write([
      createEvent(
        unheard,
        {
          source: 'bid',
          aggregateId: 'x',
          trace: { traceparent: '', traceId: '', correlationId: '' },
        },
        { itemId: itemId() },
      ),
    ])
    await waitFor('the other event to leave', async () => (await world.unsent()) === 1)
    await channel.bindQueue(QUEUE, 'auction.bid', 'bid.placed.v1')
    await drainQueue(world, 1)
    await waitFor('the relay to mark it', async () => (await world.unsent()) === 0)
  },
)

t.test('two relays on one database: one is active, the other takes over', async (t) => {
  const world = await createMessagingWorld(t)
  const first = world.relay()
  await waitFor('the first to lead', () => first.isActive())
  const second = world.relay({ pool: world.createPool() })
  await world.write([placed(itemId(), '10.00', 1)])
  await drainQueue(world, 1)
  t.notOk(second.isActive())
  await first.close()
  await waitFor('the second to lead', () => second.isActive())
  await world.write([placed(itemId(), '10.00', 2)])
  await drainQueue(world, 1)
})

t.test('a relay killed between confirm and mark publishes again with the same id', async (t) => {
  const world = await createMessagingWorld(t)
  const relay = world.relay()
  await world.write([placed(itemId(), '10.00', 1)])
  await waitFor('marked', async () => (await world.unsent()) === 0)
  await relay.close()
  await world.pool.query('update outbox set sent_at = null')
  world.relay()
  const messages = await drainQueue(world, 2)
  t.equal(messages[0]?.id, messages[1]?.id)
})

t.test('a lost database session gives the lock up and the relay starts over', async (t) => {
  const world = await createMessagingWorld(t)
  const relay = world.relay()
  await waitFor('active', () => relay.isActive())
  await world.pool.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()`,
  )
  await world.write([placed(itemId(), '10.00', 1)])
  await drainQueue(world, 1)
  const channel = await world.channel()
  t.equal((await channel.checkQueue(deadLetterQueue(QUEUE))).messageCount, 0)
})
