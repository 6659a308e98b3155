import { Writable } from 'node:stream'
import { connect } from 'amqplib'
import { pino } from 'pino'
import t from 'tap'
import { type BrokerOptions, connectBroker } from '#src/rabbitmq/connection.ts'
import { createTestBroker, type TestBroker } from '#src/testing/broker.ts'
import type { Teardown } from '#src/testing/database.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { QUEUE } from './helper.ts'

/** A connection whose log lines are kept. */
function open(t: Teardown, broker: TestBroker, options: Partial<BrokerOptions> = {}) {
  const lines: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)).msg)
      done()
    },
  })
  const connection = connectBroker({ url: broker.url, name: 'test', log: pino(sink), ...options })
  t.teardown(() => connection.close())
  return { connection, lines }
}

for (const channels of [1, 3]) {
  t.test(`a connection with ${channels} channels comes back with all of them`, async (t) => {
    const broker = await createTestBroker(t)
    const { connection, lines } = open(t, broker)
    let opened = 0
    for (let index = 0; index < channels; index += 1) {
      connection.openChannel(`channel ${index}`, async () => {
        opened += 1
      })
    }
    await waitFor('the channels', () => opened === channels)
    t.equal(broker.network.cut(), 1)
    await waitFor('the channels again', () => opened === channels * 2)
    t.strictSame(lines, ['broker connection lost', 'broker connection restored'])
  })
}

t.test(
  'seed bug 14: a broker that is away for a while is logged once, and used when it is back',
  async (t) => {
    const broker = await createTestBroker(t)
    await broker.network.stop()
    const { connection, lines } = open(t, broker)
    let opened = 0
    connection.openChannel('channel', async () => {
      opened += 1
    })
    await waitFor('the first failure', () => lines.length === 1)
    await broker.network.start()
    await waitFor('the channel', () => opened === 1)
    t.strictSame(lines, ['broker connection lost', 'broker connection restored'])
  },
)

t.test('a connection that never came about can be closed', async (t) => {
  const broker = await createTestBroker(t)
  await broker.network.stop()
  const { connection, lines } = open(t, broker)
  connection.openChannel('channel', async () => undefined)
  await waitFor('the first failure', () => lines.length === 1)
  await connection.close()
  t.equal(connection.isConnected(), false)
})

t.test('a channel that ends alone is set up again', async (t) => {
  const broker = await createTestBroker(t)
  const { connection, lines } = open(t, broker)
  let opened = 0
  connection.openChannel('channel', async (channel) => {
    opened += 1
    if (opened === 1) setImmediate(() => void channel.checkQueue('absent').catch(() => undefined))
  })
  await waitFor('the second channel', () => opened === 2)
  t.strictSame(lines, ['broker channel failed'])
})

t.test('a channel whose setup never ends is given up, its connection with it', async (t) => {
  const broker = await createTestBroker(t)
  const { connection, lines } = open(t, broker, { silentMaxMs: 1_000, subscriptions: [] })
  const never = new Promise<void>(() => undefined)
  let begun = 0
  connection.openChannel('channel', () => {
    begun += 1
    return begun === 1 ? never : Promise.resolve()
  })
  await waitFor('the second setup', () => begun === 2)
  t.ok(broker.network.accepted() >= 2)
  t.equal(lines[0], 'connected without a channel, starting over')
})

t.test('a connection that is lost while a lent channel closes keeps no one waiting', async (t) => {
  const broker = await createTestBroker(t)
  const { connection } = open(t, broker, { subscriptions: [] })
  await waitFor('the connection', () => connection.isConnected())
  const lent = connection.withChannel(async () => {
    broker.network.stall()
    // The close is sent when this work has ended, and the connection goes before its answer.
    setImmediate(() => broker.network.cut())
    return 'done'
  })
  t.equal(await lent, 'done')
})

t.test('a queue declared otherwise keeps us out until it is gone, logged once', async (t) => {
  const broker = await createTestBroker(t)
  const other = await connect(broker.directUrl)
  t.teardown(() => other.close())
  const channel = await other.createChannel()
  await channel.assertQueue(QUEUE, { durable: true })
  const { connection, lines } = open(t, broker)
  let opened = 0
  connection.openChannel('channel', async () => {
    opened += 1
  })
  await waitFor('a third try', () => broker.network.accepted() >= 3)
  await channel.deleteQueue(QUEUE)
  await waitFor('the channel', () => opened === 1)
  t.strictSame(lines, ['broker channel failed'])
})
