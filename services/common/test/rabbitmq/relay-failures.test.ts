import t from 'tap'
import { createEvent } from '#src/contracts/event.ts'
import { createRegistry } from '#src/telemetry/metrics.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import {
  createMessagingWorld,
  type Drained,
  itemId,
  placed,
  QUEUE,
  sequencesOf,
  traceless,
  unheard,
  WON_QUEUE,
  won,
} from './helper.ts'

const ascending = (numbers: number[]) => [...numbers].sort((left, right) => left - right)

t.test('connections cut while publishing: nothing is lost, order per lot holds', async (t) => {
  const world = await createMessagingWorld(t)
  world.relay()
  const items = [itemId(), itemId(), itemId()]
  const perItem = 1_000
  for (let sequence = 1; sequence <= perItem; sequence += 10) {
    const tens = Array.from({ length: 10 }, (_, index) => sequence + index)
    await world.write(tens.flatMap((next) => items.map((item) => placed(item, '10.00', next))))
  }
  for (const share of [0.25, 0.5, 0.75]) {
    await waitFor('progress', async () => (await world.depth(QUEUE)) > perItem * 3 * share)
    await waitFor('something to cut', () => world.broker.network.cut() > 0)
  }
  await waitFor('everything marked sent', async () => (await world.unsent()) === 0)
  const messages = await world.drain(QUEUE, perItem * 3)
  t.equal(new Set(messages.map(({ id }) => id)).size, perItem * 3, 'every event is there')
  for (const item of items) {
    const firsts = [...new Set(sequencesOf(messages, item))]
    t.strictSame(firsts, ascending(firsts), 'first appearances are in order')
  }
})

t.test('an event whose subscriber has no queue stays, others leave, it leaves later', async (t) => {
  const world = await createMessagingWorld(t)
  world.relay()
  await world.write([placed(itemId(), '10.00', 1)])
  await world.drain(QUEUE, 1)
  const channel = await world.channel()
  await channel.unbindQueue(QUEUE, 'auction.bid', 'bid.placed.v1')
  await world.write([placed(itemId(), '10.00', 1)])
  const context = { aggregateId: 'x', trace: traceless }
  await world.write([createEvent(unheard, context, { itemId: itemId() })])
  await waitFor('the other event to leave', async () => (await world.unsent()) === 1)
  await channel.bindQueue(QUEUE, 'auction.bid', 'bid.placed.v1')
  await world.drain(QUEUE, 1)
  await waitFor('the relay to mark it', async () => (await world.unsent()) === 0)
})

t.test('thousands of events that cannot leave keep no other aggregate waiting', async (t) => {
  const world = await createMessagingWorld(t)
  await waitFor('the topology', () => world.publisher.isReady())
  const channel = await world.channel()
  await channel.unbindQueue(QUEUE, 'auction.bid', 'bid.placed.v1')
  const stuck = 3_000
  for (let index = 0; index < stuck; index += 1_000) {
    const rows = Array.from({ length: 1_000 }, () => JSON.stringify([placed(itemId(), '10.00', 1)]))
    await world.pool.query(
      'insert into outbox (id, events) select gen_random_uuid(), e::json from unnest($1::text[]) e',
      [rows],
    )
  }
  world.relay({ publisher: world.publisher })
  for (let index = 0; index < 5; index += 1) {
    await world.write([won(itemId())])
    await world.drain(WON_QUEUE, 1)
  }
  // A consumer has a message before its confirm is written down.
  await waitFor('only the stuck ones to be left', async () => (await world.unsent()) === stuck)
  await channel.bindQueue(QUEUE, 'auction.bid', 'bid.placed.v1')
  await waitFor('the stuck ones to leave', async () => (await world.unsent()) === 0)
  const messages = await world.drain(QUEUE, stuck)
  t.equal(new Set(messages.map(({ id }) => id)).size, stuck)
})

t.test('what of a row is at the broker does not go again for the rest of it', async (t) => {
  const world = await createMessagingWorld(t)
  const registry = createRegistry('test')
  await waitFor('the topology', () => world.publisher.isReady())
  const channel = await world.channel()
  await channel.unbindQueue(QUEUE, 'auction.bid', 'bid.placed.v1')
  world.relay({ registry, publisher: world.publisher })
  await world.write([placed(itemId(), '10.00', 1), won(itemId())])
  await waitFor('some tries', async () => {
    const metric = await registry.getSingleMetric('outbox_published_total')?.get()
    return metric?.values.some(({ labels, value }) => labels.outcome === 'returned' && value >= 3)
  })
  t.equal(await world.depth(WON_QUEUE), 1)
})

t.test('a queue that takes no more keeps the order of every lot', async (t) => {
  const world = await createMessagingWorld(t)
  await waitFor('the topology', () => world.publisher.isReady())
  await world.broker.manage('PUT', `/policies/${world.broker.vhost}/full`, {
    pattern: '^auction\\.bid\\.placed\\.v1$',
    definition: { 'max-length': 20 },
    'apply-to': 'queues',
  })
  const registry = createRegistry('test')
  world.relay({ registry, publisher: world.publisher })
  const items = [itemId(), itemId()]
  let count = 0
  await waitFor('refusals', async () => {
    // A queue refuses a little after it is full; on a busy machine the looks would pile up thousands.
    if ((await world.unsent()) === 0) {
      for (let more = 0; more < 50; more += 1) {
        count += 1
        await world.write(items.map((item) => placed(item, '10.00', count)))
      }
    }
    const metric = await registry.getSingleMetric('outbox_published_total')?.get()
    return metric?.values.some(({ labels }) => labels.outcome === 'unknown')
  })
  const messages: Drained[] = []
  await waitFor('everything to leave', async () => {
    messages.push(...(await world.drain(QUEUE, 0)))
    return (await world.unsent()) === 0 && (await world.depth(QUEUE)) === 0
  })
  for (const item of items) {
    const sequences = sequencesOf(messages, item)
    // The last copy of each comes after the last copies of all before it.
    const lasts = [...new Set(sequences.reverse())].reverse()
    t.equal(lasts.length, count, 'every event is there')
    t.strictSame(lasts, ascending(lasts))
  }
})
