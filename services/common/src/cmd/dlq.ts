import { connect, type GetMessage } from 'amqplib'
import { deadLetterQueue, queueName, SUBSCRIPTIONS } from '../rabbitmq/topology.ts'

const HELP = `npm run dlq -- list                        every dead-letter queue and its depth
npm run dlq -- show QUEUE [--limit N]      what lies in one, without taking it out
npm run dlq -- replay QUEUE [--id ID]      back to the queue it came from, attempts reset

QUEUE is the name without or with ".dlq", for example auction.bid.placed.v1.
RABBITMQ_URL says which broker.`

const SHOWN_DEFAULT = 20
const queues = SUBSCRIPTIONS.map(({ consumer, contract }) => queueName(consumer, contract))

await main(process.argv.slice(2))

async function main([command, name, ...rest]: string[]): Promise<void> {
  const url = process.env.RABBITMQ_URL
  if (url === undefined || url === '') return fail('RABBITMQ_URL is not set.')
  if (command === 'list') return list(url)
  const queue = name?.replace(/\.dlq$/, '')
  if (queue !== undefined && !queues.includes(queue)) {
    return fail(`There is no queue ${queue}. Known: ${queues.join(', ')}.`)
  }
  if (command === 'show' && queue !== undefined) return show(url, queue, option(rest, '--limit'))
  if (command === 'replay' && queue !== undefined) return replay(url, queue, option(rest, '--id'))
  console.log(HELP)
  if (command !== undefined && command !== 'help') process.exitCode = 2
}

function option(rest: string[], name: string): string | undefined {
  const index = rest.indexOf(name)
  return index === -1 ? undefined : rest[index + 1]
}

function fail(text: string): void {
  console.error(text)
  process.exitCode = 2
}

async function list(url: string): Promise<void> {
  const connection = await connect(url)
  for (const queue of queues) {
    // A queue that does not exist closes the channel, so each gets one of its own.
    const channel = await connection.createChannel()
    channel.on('error', () => undefined)
    const answer = await channel.checkQueue(deadLetterQueue(queue)).catch(() => undefined)
    console.log(
      `${String(answer?.messageCount ?? 'absent').padStart(7)}  ${deadLetterQueue(queue)}`,
    )
    if (answer !== undefined) await channel.close()
  }
  await connection.close()
}

async function show(url: string, queue: string, limit: string | undefined): Promise<void> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  const count = Math.max(1, Number(limit ?? SHOWN_DEFAULT) || SHOWN_DEFAULT)
  for (let shown = 0; shown < count; shown += 1) {
    // Held unacknowledged until the channel closes, so every get brings another message.
    const message = await channel.get(deadLetterQueue(queue), { noAck: false })
    if (message === false) break
    print(message)
  }
  await channel.close()
  await connection.close()
}

function print({ properties, content }: GetMessage): void {
  const headers: Record<string, unknown> = properties.headers ?? {}
  console.log(`id        ${String(properties.messageId)}`)
  console.log(`reason    ${String(headers['x-reason'])}`)
  console.log(`error     ${String(headers['x-error'])}`)
  console.log(`attempts  ${String(headers['x-attempts'])}`)
  console.log(
    `failed    ${String(headers['x-failed-at'])} (first seen ${String(headers['x-first-seen'])})`,
  )
  console.log(`trace     ${String(headers['x-trace-id'])}`)
  console.log(`${content.toString('utf8')}\n`)
}

/** Publishes each message to its queue and only then takes it out here: never lost, perhaps twice. */
async function replay(url: string, queue: string, id: string | undefined): Promise<void> {
  const connection = await connect(url)
  const channel = await connection.createConfirmChannel()
  // Throws when it does not exist: a message sent nowhere would be confirmed and gone.
  await channel.checkQueue(queue)
  const { messageCount } = await channel.checkQueue(deadLetterQueue(queue))
  let replayed = 0
  for (let seen = 0; seen < messageCount; seen += 1) {
    const message = await channel.get(deadLetterQueue(queue), { noAck: false })
    if (message === false) break
    if (id !== undefined && message.properties.messageId !== id) continue
    const { messageId, type, timestamp, contentType } = message.properties
    channel.sendToQueue(queue, message.content, {
      persistent: true,
      mandatory: true,
      messageId,
      type,
      timestamp,
      contentType,
      headers: keptHeaders(message.properties.headers ?? {}),
    })
    await channel.waitForConfirms()
    channel.ack(message)
    replayed += 1
  }
  await channel.close()
  await connection.close()
  console.log(`${replayed} replayed to ${queue}`)
  if (id !== undefined && replayed === 0)
    fail(`No message ${id} lies in ${deadLetterQueue(queue)}.`)
}

/** The trace goes along; our record of the failed attempts does not. */
function keptHeaders(headers: Record<string, unknown>): Record<string, unknown> {
  const names = ['x-trace-id', 'x-correlation-id', 'x-service', 'traceparent', 'x-first-seen']
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  )
}
