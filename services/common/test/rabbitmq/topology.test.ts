import { connect } from 'amqplib'
import t from 'tap'
import {
  checkTopology,
  deadLetterQueue,
  declareTopology,
  expectConsumed,
  expectSubscribed,
  hasSubscribers,
  LIVE_STREAM,
  queueName,
  RETRY_TIERS,
  STREAMS,
  SUBSCRIPTIONS,
} from '#src/rabbitmq/topology.ts'
import { cacheTopologyCheck } from '#src/rabbitmq/worker-messaging.ts'
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
  'seed bug 16: every queue but dead letters and streams hands over what dies in it',
  async (t) => {
    const { broker, channel } = await open(t)
    await declareTopology(await channel())
    const expected = SUBSCRIPTIONS.length * (2 + RETRY_TIERS.length) + STREAMS.length
    const queues = await waitFor('the list of queues', async () => {
      const found = await broker.manage<Queue[]>('GET', `/queues/${broker.vhost}`)
      return found.length === expected ? found : undefined
    })
    for (const { name, durable, arguments: settings } of queues) {
      t.equal(durable, true, name)
      if (STREAMS.some((stream) => stream.name === name)) {
        t.equal(settings['x-queue-type'], 'stream', name)
        continue
      }
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
  let asked = 0
  const isThere = cacheTopologyCheck({
    async withChannel(work) {
      asked += 1
      return work(await channel())
    },
  })
  t.strictSame(await Promise.all([isThere(), isThere()]), [false, false])
  t.equal(asked, 1, 'probes that overlap wait for one check')
  await declareTopology(await channel())
  t.strictSame(await Promise.all([isThere(), isThere()]), [true, true], 'a bad answer is not kept')
  t.equal(await isThere(), true)
  t.equal(asked, 2, 'a good answer is kept')
  const queues = ['bid.item.published.v1.retry.30s', 'auction.bid.won.v1.dlq', LIVE_STREAM.name]
  for (const queue of queues) {
    const admin = await channel()
    await admin.deleteQueue(queue)
    t.equal(await checkTopology(await channel()), false, queue)
    t.equal(await checkTopology(await channel()), false, `${queue} is still missing`)
    await declareTopology(await channel())
  }
})

t.test('a check of the queues that never ends does not keep the next from asking', async (t) => {
  const { channel } = await open(t)
  let asked = 0
  const isThere = cacheTopologyCheck(
    {
      async withChannel(work) {
        asked += 1
        return asked === 1 ? new Promise(() => undefined) : work(await channel())
      },
    },
    100,
  )
  t.strictSame(await Promise.all([isThere(), isThere()]), [false, false], 'probes get an answer')
  t.equal(await isThere(), false, 'nothing is declared here')
  t.equal(asked, 2, 'the next probe asks the broker')
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
      'auction.bid.buynow.v1',
      'auction.bid.released.v1',
      'auction.bid.lost.v1',
      'auction.offer.accepted.v1',
      'auction.order.cancelled.v1',
      'auction.order.reopened.v1',
      'auction.identity.user.registered.v1',
      'auction.identity.user.deleted.v1',
      'identity.order.strike.recorded.v1',
      'identity.order.strike.redeemed.v1',
      'bid.item.published.v1',
      'bid.item.removed.v1',
      'bid.item.restored.v1',
      'bid.order.cancelled.v1',
      'bid.order.reopened.v1',
      'bid.payment.deposit_held.v1',
      'bid.payment.deposit_released.v1',
      'bid.payment.deposit_captured.v1',
      'bid.identity.user.suspended.v1',
      'bid.identity.user.reinstated.v1',
      'bid.identity.user.deleted.v1',
      'order.bid.buynow.v1',
      'order.bid.won.v1',
      'order.offer.accepted.v1',
      'order.item.removed.v1',
      'order.item.restored.v1',
      'order.identity.user.suspended.v1',
      'order.identity.user.reinstated.v1',
      'order.identity.user.deleted.v1',
      'order.payment.succeeded.v1',
      'order.payment.failed.v1',
      'order.payment.expired.v1',
      'order.payment.refunded.v1',
      'order.payment.chargeback.v1',
      'notification.identity.mail.requested.v1',
      'notification.identity.user.registered.v1',
      'notification.identity.user.deleted.v1',
      'notification.item.created.v1',
      'notification.item.updated.v1',
      'notification.item.expired.v1',
      'notification.item.removed.v1',
      'notification.item.relisted.v1',
      'notification.item.watched.relisted.v1',
      'notification.item.comment.created.v1',
      'notification.item.search_matched.v1',
      'notification.bid.placed.v1',
      'notification.bid.outbid.v1',
      'notification.bid.extended.v1',
      'notification.bid.closed.v1',
      'notification.bid.won.v1',
      'notification.bid.lost.v1',
      'notification.bid.buynow.v1',
      'notification.bid.released.v1',
      'notification.offer.made.v1',
      'notification.offer.accepted.v1',
      'notification.offer.declined.v1',
      'notification.offer.expired.v1',
      'notification.offer.withdrawn.v1',
      'notification.order.created.v1',
      'notification.order.reminder.v1',
      'notification.order.overdue.v1',
      'notification.order.paid.v1',
      'notification.order.shipped.v1',
      'notification.order.cancelled.v1',
      'notification.order.reopened.v1',
      'notification.order.disputed.v1',
      'notification.order.resolved.v1',
      'notification.payment.payout_sent.v1',
      'notification.payment.payout_failed.v1',
      'notification.payment.payout_account_changed.v1',
      'notification.payment.payout_account_needed.v1',
      'notification.payment.deposit_held.v1',
      'notification.payment.deposit_expiring.v1',
      'notification.payment.deposit_released.v1',
      'notification.payment.deposit_captured.v1',
      'payment.bid.closed.v1',
      'payment.order.paid.v1',
      'payment.order.completed.v1',
      'payment.order.cancelled.v1',
      'payment.order.resolved.v1',
      'payment.order.refund.settled.v1',
    ],
  )
  t.equal(hasSubscribers('bid.placed.v1'), true)
  t.equal(hasSubscribers('item.started.v1'), false)
})

t.test('a stream is limited by age and by size, and its reader has the right to read it', (t) => {
  for (const { name, maxAge, maxBytes, segmentBytes } of STREAMS) {
    t.match(maxAge, /^[1-9][0-9]*[mh]$/, name)
    t.ok(maxBytes > 0 && segmentBytes * 10 <= maxBytes, `${name} gives up a tenth at most at once`)
    t.match(name, /^[a-z]+\.[a-z]+$/, `${name} belongs to a service, and is no queue of an event`)
  }
  t.end()
})

t.test('every process of a service gets each event of a stream once more', async (t) => {
  const { channel } = await open(t)
  const admin = await channel()
  await declareTopology(admin)
  for (const { exchange, key } of LIVE_STREAM.contracts)
    admin.publish(exchange, key, Buffer.from(key), { persistent: true })
  const keys = LIVE_STREAM.contracts.map(({ key }) => key)
  for (const reader of ['first', 'second']) {
    const reading = await channel()
    await reading.prefetch(100)
    const read: string[] = []
    await reading.consume(
      LIVE_STREAM.name,
      (message) => {
        if (message === null) return
        read.push(message.content.toString())
        reading.ack(message)
      },
      { arguments: { 'x-stream-offset': 'first' } },
    )
    await waitFor(`the events for the ${reader} reader`, () => read.length >= keys.length)
    t.strictSame(read, keys)
  }
})

t.test('consumers of a service are its rows, no more and no fewer', async (t) => {
  const ofBid = SUBSCRIPTIONS.filter(({ consumer }) => consumer === 'bid')
  expectSubscribed(ofBid)
  expectConsumed('bid', ofBid)
  const contract = ofBid[0]?.contract
  if (contract === undefined) throw new Error('bid consumes nothing')
  t.throws(() => expectSubscribed([{ consumer: 'web', contract }]), /web\..* has no row/)
  t.throws(() => expectConsumed('bid', ofBid.slice(1)), /bid\..* has a row .* no consumer/)
})
