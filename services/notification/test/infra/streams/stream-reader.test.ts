import { randomBytes } from 'node:crypto'
import { createLogger } from '@auction/common/process/logger.ts'
import { connectBroker } from '@auction/common/rabbitmq/connection.ts'
import { declareTopology, LIVE_STREAM } from '@auction/common/rabbitmq/topology.ts'
import { createTestBroker } from '@auction/common/testing/broker.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { connect } from 'amqplib'
import t from 'tap'
import { startStreamReader } from '#src/infra/streams/stream-reader.ts'

const { name: STREAM, contracts } = LIVE_STREAM
const [CONTRACT] = contracts
const log = createLogger('test', process.env.TEST_LOG ?? 'silent')
const MINUTE_MS = 60_000

async function open(t: Teardown) {
  const broker = await createTestBroker(t)
  const admin = await connect(broker.directUrl)
  t.teardown(() => admin.close())
  const channel = await admin.createConfirmChannel()
  await declareTopology(channel)
  const reading = connectBroker({ url: broker.url, name: 'reading', log })
  t.teardown(() => reading.close())
  return {
    broker,
    channel,
    async publish(...texts: string[]) {
      for (const text of texts)
        channel.publish(CONTRACT?.exchange ?? '', CONTRACT?.key ?? '', Buffer.from(text), {
          timestamp: Math.floor(Date.now() / 1_000),
        })
      await channel.waitForConfirms()
    },
    read() {
      const texts: string[] = []
      const offsets: number[] = []
      const gaps: number[] = []
      const reader = startStreamReader({
        connection: reading,
        stream: STREAM,
        log,
        fromMs: Date.now() - MINUTE_MS,
        // A busy broker may take a second to send the first message.
        quietMs: 5_000,
        onMessage(offset, { content }) {
          offsets.push(offset)
          texts.push(content.toString())
        },
        onGap: (offset) => gaps.push(offset),
      })
      t.teardown(() => reader.close())
      return { reader, texts, offsets, gaps }
    },
  }
}

t.test('a reader begins with what was there a minute ago, each reader for itself', async (t) => {
  const { publish, read } = await open(t)
  await publish('a', 'b')
  const first = read()
  await first.reader.untilCaughtUp(MINUTE_MS)
  t.strictSame(first.texts, ['a', 'b'])
  t.equal(first.reader.isReading(), true)
  const second = read()
  await publish('c')
  for (const { texts } of [first, second])
    await waitFor('all events', () => texts.join('') === 'abc')
  t.strictSame(first.offsets, second.offsets, 'a place is the same for all')
})

t.test('after lost connections every event comes once, in its order', async (t) => {
  const { broker, publish, read } = await open(t)
  const { reader, texts, gaps } = read()
  const expected: string[] = []
  for (let round = 0; round < 3; round += 1) {
    const before = `before ${round} ${randomBytes(300).toString('hex')}`
    await publish(before)
    await waitFor('the event', () => texts.at(-1) === before)
    await broker.network.stop()
    await waitFor('the loss', () => !reader.isReading())
    const during = Array.from({ length: 1_200 }, (_, index) => `during ${round} ${index}`)
    await publish(...during)
    expected.push(before, ...during)
    t.equal(texts.length, expected.length - during.length)
    await broker.network.start()
    await waitFor('the rest', () => texts.length === expected.length)
    await waitFor('the reader', () => reader.isReading())
  }
  t.strictSame(texts, expected)
  t.strictSame(gaps, [], 'nothing was missed')
})

t.test('a stream that is not the same one any more is noticed at its first event', async (t) => {
  const { broker, channel, publish, read } = await open(t)
  const { reader, texts, gaps } = read()
  await publish('a', 'b', 'c')
  await waitFor('the events', () => texts.length === 3)
  await broker.network.stop()
  await channel.deleteQueue(STREAM)
  await broker.network.start()
  await waitFor('a new stream', async () => {
    // The broker answers 500 while it makes the stream.
    const queues = await broker
      .manage<{ name: string }[]>('GET', `/queues/${broker.vhost}`)
      .catch(() => [])
    return queues.some(({ name }) => name === STREAM)
  })
  t.equal(reader.isReading(), false, 'it cannot be known that nothing was missed')
  await waitFor('an event', async () => {
    await publish('new')
    return texts.includes('new')
  })
  t.equal(gaps.length, 1)
  t.ok(reader.isReading())
})

t.test('a stream that is deleted under its reader is read again when it is back', async (t) => {
  const { channel, publish, read } = await open(t)
  const { reader, texts } = read()
  await publish('a')
  await waitFor('the event', () => texts.length === 1)
  await channel.deleteQueue(STREAM)
  await waitFor('an event', async () => {
    await publish('again')
    return texts.includes('again')
  })
  t.ok(reader.isReading())
})
