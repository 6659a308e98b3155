import t from 'tap'
import { createPublisher } from '#src/rabbitmq/publisher.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { createMessagingWorld, itemId, QUEUE } from './helper.ts'

const message = (routingKey: string, exchange = '') => ({
  exchange,
  routingKey,
  content: Buffer.from('{}'),
  options: { messageId: itemId(), mandatory: true, persistent: true },
})

t.test(
  'a message that is at the broker is confirmed, one without a queue is returned',
  async (t) => {
    const { publisher } = await createMessagingWorld(t)
    await waitFor('the channel', () => publisher.isReady())
    t.equal(await publisher.publish(message(QUEUE)), 'confirmed')
    t.equal(await publisher.publish(message('no.such.queue')), 'returned')
    t.equal(await publisher.publish(message('bid.unheard.v1', 'auction.bid')), 'returned')
    t.equal(await publisher.publish(message(QUEUE)), 'confirmed')
  },
)

t.test('nothing is kept while there is no channel', async (t) => {
  const { publisher, broker } = await createMessagingWorld(t)
  t.equal(await publisher.publish(message(QUEUE)), 'unknown')
  await waitFor('the channel', () => publisher.isReady())
  await broker.network.stop()
  await waitFor('the loss', () => !publisher.isReady())
  t.equal(await publisher.publish(message(QUEUE)), 'unknown')
  await broker.network.start()
  await waitFor('the channel again', () => publisher.isReady())
  t.equal(await publisher.publish(message(QUEUE)), 'confirmed')
})

t.test('a cut settles everything in flight', async (t) => {
  const { publisher, broker, depth } = await createMessagingWorld(t)
  await waitFor('the channel', () => publisher.isReady())
  const send = () => Array.from({ length: 1_000 }, () => publisher.publish(message(QUEUE)))
  const early = send()
  await early[100]
  // However fast the broker is, these are under way when the network is cut.
  broker.network.stall()
  const late = send()
  broker.network.cut()
  const outcomes = await Promise.all([...early, ...late])
  const confirmed = outcomes.filter((outcome) => outcome === 'confirmed').length
  t.ok(confirmed >= 101 && confirmed <= 1_000, `${confirmed} confirmed, the rest unknown`)
  t.ok((await depth(QUEUE)) >= confirmed, 'what was confirmed is there')
})

t.test('a confirm that does not come is given up, and the channel with it', async (t) => {
  const world = await createMessagingWorld(t)
  const publisher = world.later(createPublisher(world.open('hasty'), 'hasty', 200))
  await waitFor('the channel', () => publisher.isReady())
  world.broker.network.stall()
  t.equal(await publisher.publish(message(QUEUE)), 'unknown')
  t.equal(publisher.isReady(), false)
  world.broker.network.cut()
  // Its patience is short, and a busy broker may need more than one try.
  await waitFor('a confirm on a new channel', async () => {
    return (await publisher.publish(message(QUEUE))) === 'confirmed'
  })
})
