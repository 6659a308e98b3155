import { connect } from 'amqplib'
import t from 'tap'
import {
  checkTopology,
  deadLetterQueue,
  declareTopology,
  hasSubscribers,
  queueName,
  RETRY_TIERS,
  SUBSCRIPTIONS,
} from '#src/rabbitmq/topology.ts'
import { createTestBroker } from '#src/testing/broker.ts'
import type { Teardown } from '#src/testing/database.ts'
import { waitFor } from '#src/testing/wait-for.ts'

interface Queue {
  name: string
  durable: boolean
  arguments: Record<string, unknown>
}

async function open(t: Teardown) {
  const broker = await createTestBroker(t)
  const connection = await connect(broker.directUrl)
  t.teardown(() => connection.close())
  const channel = async () => {
    const opened = await connection.createChannel()
    opened.on('error', () => undefined)
    return opened
  }
  return { broker, channel }
}

t.test(
  'seed bug 16: every queue but the dead letters themselves hands over what dies in it',
  async (t) => {
    const { broker, channel } = await open(t)
    await declareTopology(await channel())
    const expected = SUBSCRIPTIONS.length * (2 + RETRY_TIERS.length)
    const queues = await waitFor('the list of queues', async () => {
      const found = await broker.manage<Queue[]>('GET', `/queues/${broker.vhost}`)
      return found.length === expected ? found : undefined
    })
    for (const { name, durable, arguments: settings } of queues) {
      t.equal(durable, true, name)
      t.equal(settings['x-queue-type'], 'quorum', name)
      t.ok(Number(settings['x-delivery-limit']) > 0, `${name} has a limit of deliveries`)
      if (name.endsWith('.dlq')) continue
      const target = settings['x-dead-letter-routing-key']
      t.equal(settings['x-dead-letter-exchange'], '', name)
      t.equal(settings['x-dead-letter-strategy'], 'at-least-once', name)
      t.equal(settings['x-overflow'], 'reject-publish', name)
      const retried = /^(.*)\.retry\.(5s|30s|5m)$/.exec(name)?.[1]
      t.equal(target, retried ?? deadLetterQueue(name), name)
      t.ok(
        queues.some((queue) => queue.name === target),
        `${name} hands over to a queue there is`,
      )
    }
  },
)

t.test('declaring twice changes nothing', async (t) => {
  const { channel } = await open(t)
  await declareTopology(await channel())
  await declareTopology(await channel())
  t.equal(await checkTopology(await channel()), true)
})

t.test('a missing queue is noticed, and noticing creates none', async (t) => {
  const { channel } = await open(t)
  t.equal(await checkTopology(await channel()), false)
  await declareTopology(await channel())
  for (const queue of ['bid.item.published.v1.retry.30s', 'auction.bid.won.v1.dlq']) {
    const admin = await channel()
    await admin.deleteQueue(queue)
    t.equal(await checkTopology(await channel()), false, queue)
    t.equal(await checkTopology(await channel()), false, `${queue} is still missing`)
    await declareTopology(await channel())
  }
})

t.test('seed bug 17: subscriptions are what the design says', async (t) => {
  t.strictSame(
    SUBSCRIPTIONS.map(({ consumer, contract }) => queueName(consumer, contract)),
    [
      'auction.bid.placed.v1',
      'auction.bid.reserve_met.v1',
      'auction.bid.extended.v1',
      'auction.bid.closed.v1',
      'auction.bid.won.v1',
      'auction.bid.lost.v1',
      'auction.identity.user.registered.v1',
      'auction.identity.user.deleted.v1',
      'bid.item.published.v1',
      'bid.identity.user.suspended.v1',
      'bid.identity.user.reinstated.v1',
      'bid.identity.user.deleted.v1',
      'notification.identity.mail.requested.v1',
    ],
  )
  t.equal(hasSubscribers('bid.placed.v1'), true)
  t.equal(hasSubscribers('bid.outbid.v1'), false)
})
