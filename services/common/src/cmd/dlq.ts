import { parseArgs } from 'node:util'
import { type ChannelModel, connect, type GetMessage } from 'amqplib'
import { deadLetterQueue, queueName, SUBSCRIPTIONS } from '../rabbitmq/topology.ts'

const HELP = `npm run dlq -- list                        every dead-letter queue and its depth
npm run dlq -- show QUEUE [--limit N]      what lies in one, without taking it out
npm run dlq -- replay QUEUE [--id ID]      back to the queue it came from, attempts reset

QUEUE is the name without or with ".dlq", for example auction.bid.placed.v1.
RABBITMQ_URL says which broker.`

interface Options {
  limit?: string | undefined
  id?: string | undefined
}

type Action = (connection: ChannelModel, queue: string, options: Options) => Promise<void>

const ACTIONS = new Map<string, Action>([
  ['list', list],
  ['show', show],
  ['replay', replay],
])
const SHOWN_DEFAULT = 20
const MINUTE_MS = 60_000
const queues = SUBSCRIPTIONS.map(({ consumer, contract }) => queueName(consumer, contract))

try {
  await main(process.argv.slice(2))
} catch (error) {
  fail(`The broker could not be asked: ${error instanceof Error ? error.message : String(error)}`)
}

async function main(args: string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(HELP)
    return
  }
  const call = readArguments(args)
  if (call === undefined) return
  const { positionals, values } = call
  const [command, name] = positionals
  const action = command === undefined ? undefined : ACTIONS.get(command)
  if (action === undefined) {
    console.log(HELP)
    if (command !== undefined && command !== 'help') process.exitCode = 2
    return
  }
  const url = process.env.RABBITMQ_URL
  if (url === undefined || url === '') return fail('RABBITMQ_URL is not set.')
  const queue = name?.replace(/\.dlq$/, '') ?? ''
  if (command !== 'list' && !queues.includes(queue)) {
    return fail(`Name one of these queues: ${queues.join(', ')}.`)
  }
  const connection = await connect(url)
  connection.on('error', () => undefined)
  try {
    await action(connection, queue, values)
  } finally {
    await connection.close().catch(() => undefined)
  }
}

/** The words and options of the call; undefined after a mistake, which is answered in a sentence. */
function readArguments(args: string[]) {
  const options = { limit: { type: 'string' }, id: { type: 'string' } } as const
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    if (problem.includes('--id')) fail('--id takes the id of a message.')
    else if (problem.includes('--limit')) fail('--limit takes a whole number.')
    else fail(problem)
    return undefined
  }
}

function fail(text: string): void {
  console.error(text)
  process.exitCode = 2
}

async function list(connection: ChannelModel): Promise<void> {
  for (const queue of queues) {
    const depth = (await depthOf(connection, deadLetterQueue(queue))) ?? 'absent'
    console.log(`${String(depth).padStart(7)}  ${deadLetterQueue(queue)}`)
  }
}

/** How many messages lie in a queue; undefined when there is no such queue. */
async function depthOf(connection: ChannelModel, queue: string): Promise<number | undefined> {
  // A queue that does not exist closes the channel, so each question gets one of its own.
  const channel = await connection.createChannel()
  channel.on('error', () => undefined)
  const answer = await channel.checkQueue(queue).catch(() => undefined)
  if (answer !== undefined) await channel.close()
  return answer?.messageCount
}

async function show(connection: ChannelModel, queue: string, options: Options): Promise<void> {
  const limit = Number(options.limit ?? SHOWN_DEFAULT)
  if (!Number.isInteger(limit) || limit < 1) return fail('--limit takes a whole number.')
  const depth = await depthOf(connection, deadLetterQueue(queue))
  if (depth === undefined) return fail(`${deadLetterQueue(queue)} does not exist at this broker.`)
  const channel = await connection.createChannel()
  for (let shown = 0; shown < Math.min(limit, depth); shown += 1) {
    // Held unacknowledged until the channel closes, so every get brings another message.
    const message = await channel.get(deadLetterQueue(queue), { noAck: false })
    if (message === false) break
    print(message)
  }
  await channel.close()
}

function print({ properties, content }: GetMessage): void {
  const headers: Record<string, unknown> = properties.headers ?? {}
  console.log(`id        ${String(properties.messageId)}`)
  console.log(`reason    ${String(headers['x-reason'])}`)
  console.log(`error     ${String(headers['x-error-code'])}`)
  console.log(`attempts  ${String(headers['x-attempts'])}`)
  const failedAt = String(headers['x-failed-at'])
  const minutes = Math.floor((Date.now() - Date.parse(failedAt)) / MINUTE_MS)
  console.log(`failed    ${failedAt}, ${minutes} minutes ago`)
  console.log(`seen      ${String(headers['x-first-seen'])}`)
  console.log(`trace     ${String(headers['x-trace-id'])}`)
  console.log(`${content.toString('utf8')}\n`)
}

/** Publishes each message to its queue and only then takes it out here: never lost, perhaps twice. */
async function replay(connection: ChannelModel, queue: string, { id }: Options): Promise<void> {
  const depth = await depthOf(connection, deadLetterQueue(queue))
  if (depth === undefined) return fail(`${deadLetterQueue(queue)} does not exist at this broker.`)
  const channel = await connection.createConfirmChannel()
  let isReturned = false
  channel.on('return', () => {
    isReturned = true
  })
  let replayed = 0
  for (let seen = 0; seen < depth; seen += 1) {
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
    // A queue that does not exist: the broker hands the message back and confirms it all the same.
    if (isReturned) return fail(`${queue} does not exist at this broker; nothing was taken out.`)
    channel.ack(message)
    replayed += 1
  }
  await channel.close()
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
