import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { PermanentError } from '#src/rabbitmq/consumer.ts'
import { deadLetterQueue } from '#src/rabbitmq/topology.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { createMessagingWorld, itemId, placed, QUEUE, store } from '#test/rabbitmq/helper.ts'

const DEAD = deadLetterQueue(QUEUE)
const program = fileURLToPath(new URL('../../src/cmd/dlq.ts', import.meta.url))

interface Output {
  code: number
  text: string
  complaint: string
}

function dlq(url: string | undefined, ...words: string[]): Promise<Output> {
  const env = { PATH: process.env.PATH, ...(url === undefined ? {} : { RABBITMQ_URL: url }) }
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...words], { env }, (error, text, complaint) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, text, complaint }),
    )
  })
}

t.test('dead letters are listed, shown without loss and sent back', async (t) => {
  const world = await createMessagingWorld(t)
  let isBroken = true
  world.relay()
  world.consume([
    store(() => {
      if (isBroken) throw new PermanentError('the till is locked')
    }),
  ])
  const events = ['10.00', '11.00', '12.00'].map((amount) => placed(itemId(), amount, 1))
  const beganAtMs = performance.now()
  await world.write(events)
  await waitFor('the dead letters', async () => (await world.depth(DEAD)) === 3)
  const { directUrl: url } = world.broker

  const listed = await dlq(url, 'list')
  t.match(listed.text, new RegExp(` 3  ${DEAD}\n`))
  t.match(listed.text, / 0 {2}auction\.bid\.won\.v1\.dlq\n/)

  for (let look = 0; look < 2; look += 1) {
    const shown = await dlq(url, 'show', DEAD)
    for (const { envelope } of events) t.match(shown.text, `id        ${envelope.id}`)
    t.match(shown.text, /reason {4}the till is locked\nerror {5}PermanentError\nattempts {2}1\n/)
    const [, minutes] = /, (\d+) minutes ago/.exec(shown.text) ?? []
    t.ok(
      Number(minutes) <= Math.floor((performance.now() - beganAtMs) / 60_000),
      `${minutes} minutes`,
    )
    t.match(shown.text, '"amount":"10.00"')
  }
  const one = await dlq(url, 'show', QUEUE, '--limit', '1')
  t.equal(one.text.split('reason').length - 1, 1)
  await waitFor('all to be back', async () => (await world.depth(DEAD)) === 3)

  isBroken = false
  const id = events[1]?.envelope.id ?? ''
  t.match(await dlq(url, 'replay', QUEUE, '--id', id), { code: 0, text: `1 replayed to ${QUEUE}` })
  await waitFor('its effect', async () => (await world.effects()).length === 1)
  t.match(await world.effects(), [{ message_id: id, amount: '11.00' }])
  const gone = await dlq(url, 'replay', QUEUE, '--id', id)
  t.match(gone, { code: 2, complaint: /No message .* lies in/ })
  t.match(await dlq(url, 'replay', QUEUE), { code: 0, text: `2 replayed to ${QUEUE}` })
  await waitFor('all effects', async () => (await world.effects()).length === 3)
  t.equal(await world.depth(DEAD), 0)
})

t.test('what is sent back keeps its id and trace, and its attempts begin again', async (t) => {
  const world = await createMessagingWorld(t)
  world.relay()
  const consumers = world.consume([
    store(() => {
      throw new Error('not yet')
    }),
  ])
  const event = placed(itemId(), '10.00', 1)
  await world.write([event])
  await waitFor('the dead letter', async () => (await world.depth(DEAD)) === 1)
  await consumers.close()
  await dlq(world.broker.directUrl, 'replay', QUEUE)
  const [message] = await world.drain(QUEUE, 1)
  t.equal(message?.id, event.envelope.id)
  t.match(message?.headers, { 'x-trace-id': event.envelope.traceId, 'x-correlation-id': 'test' })
  t.strictSame(
    Object.keys(message?.headers ?? {}).filter((name) => /attempt|reason|failed|death/.test(name)),
    [],
  )
})

t.test('a message whose queue is gone stays among the dead', async (t) => {
  const world = await createMessagingWorld(t)
  await waitFor('the topology', () => world.publisher.isReady())
  const channel = await world.channel()
  channel.sendToQueue(DEAD, Buffer.from('{}'), { messageId: itemId() })
  await channel.waitForConfirms()
  await channel.deleteQueue(QUEUE)
  const replayed = await dlq(world.broker.directUrl, 'replay', QUEUE)
  t.match(replayed, { code: 2, complaint: /does not exist/ })
  await waitFor('it to be back', async () => (await world.depth(DEAD)) === 1)
})

t.test('mistakes are reported in a sentence', async (t) => {
  const { directUrl: url } = (await createMessagingWorld(t)).broker
  const cases: [string | undefined, string[], RegExp][] = [
    [undefined, ['list'], /^RABBITMQ_URL is not set\.\n$/],
    ['amqp://127.0.0.1:1', ['list'], /^The broker could not be asked: .*ECONNREFUSED.*\n$/],
    [url, ['show', 'nonsense'], /^Name one of these queues: auction\.bid\.placed\.v1, /],
    [url, ['show'], /^Name one of these queues/],
    [url, ['show', QUEUE, '--limit', 'many'], /^--limit takes a whole number\.\n$/],
    [url, ['replay', QUEUE, '--id'], /^--id takes the id of a message\.\n$/],
  ]
  for (const [address, words, complaint] of cases)
    t.match(await dlq(address, ...words), { code: 2, complaint }, words.join(' '))
  t.match(await dlq(url), { code: 0, text: /npm run dlq -- list/ })
  t.match(await dlq(url, 'frobnicate'), { code: 2, text: /npm run dlq -- list/ })
})
