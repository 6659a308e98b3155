import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import type { Consumer } from './consumer.ts'
import {
  handleBatch,
  type Received,
  type RunnerContext,
  type RunnerOptions,
} from './handle-batch.ts'
import { queueName } from './topology.ts'
import { untilAnswered } from './until-answered.ts'

export interface QueueRunner {
  isConsuming(): boolean
  close(): Promise<void>
}

interface Subscribed {
  channel: ConfirmChannel
  consumerTag: string
  /** How many messages the broker sends before the first of them is acknowledged. */
  prefetch: number
  isConsuming: boolean
}

const PREFETCH_SINGLE = 10
// A process that dies costs each message that it had been sent one of the broker's deliveries.
const PREFETCH_REDELIVERED = 1
const FAILURE_PAUSE_MS = 1_000

/** Consumes one queue: takes what has arrived, handles it, then acknowledges. */
export function startQueueRunner<DB>(
  options: RunnerOptions<DB>,
  consumer: Consumer<DB>,
): QueueRunner {
  const { log, connection } = options
  const queue = queueName(consumer.consumer, consumer.contract)
  const batchMax = consumer.kind === 'projection' ? consumer.batchMax : 1
  const prefetchMax = consumer.kind === 'projection' ? batchMax * 2 : PREFETCH_SINGLE
  let current: Subscribed | undefined
  let buffer: Received[] = []
  let inWork: Received[] = []
  let isClosing = false
  let working: Promise<void> | undefined

  const isOpen = (channel: ConfirmChannel) => current?.channel === channel
  const context: RunnerContext<DB> = {
    options,
    consumer,
    queue,
    isOpen,
    isClosing: () => isClosing,
  }
  // Deliveries come in the order of the queue, so the first one here is its oldest anywhere.
  options.metrics.watchOldest(queue, () => madeAtSeconds(inWork[0] ?? buffer[0]))
  const work = async () => {
    while (buffer.length > 0 && !isClosing) {
      const batch = takeBatch(buffer, batchMax)
      buffer = buffer.slice(batch.length)
      inWork = batch
      try {
        await handleBatch(context, batch)
      } catch (error) {
        // Nothing of this batch may be acknowledged by a later one, so everything is given back.
        log.error({ err: error, queue }, 'consumer failed')
        await wait(FAILURE_PAUSE_MS)
        connection.restart()
      }
      inWork = []
    }
    working = undefined
  }
  const subscribe = async (subscribed: Subscribed, prefetch: number) => {
    const { channel } = subscribed
    const consumerTag = randomUUID()
    Object.assign(subscribed, { prefetch, consumerTag })
    await Promise.all([
      channel.prefetch(prefetch),
      channel.consume(queue, (message) => receive(subscribed, message), { consumerTag }),
    ])
  }
  /**
   * Messages that come again are taken one by one, and a fresh one shows that none is left: the broker
   * delivers those first. A prefetch only counts for consumers that begin after it.
   */
  const adaptPrefetch = (subscribed: Subscribed, { fields }: ConsumeMessage) => {
    const { channel, consumerTag } = subscribed
    const prefetch = fields.redelivered ? PREFETCH_REDELIVERED : prefetchMax
    // What the former consumer was sent says nothing about what is left now.
    if (isClosing || prefetch === subscribed.prefetch || fields.consumerTag !== consumerTag) return
    // What fails ends the channel, and a new one is set up. What was sent stays ours to acknowledge.
    Promise.all([channel.cancel(consumerTag), subscribe(subscribed, prefetch)]).catch(
      () => undefined,
    )
  }
  const receive = (subscribed: Subscribed, message: ConsumeMessage | null) => {
    const { channel } = subscribed
    if (message === null) {
      // The broker cancelled us (the queue was deleted): closing makes everything be set up again.
      log.warn({ queue }, 'consumer was cancelled by the broker')
      channel.close().catch(() => undefined)
      return
    }
    if (!isOpen(channel)) return
    adaptPrefetch(subscribed, message)
    buffer.push({ channel, message })
    // After the poll phase, so that what arrived together is handled together.
    working ??= new Promise<void>((resolve) => setImmediate(resolve)).then(work)
  }
  const handle = connection.openChannel(queue, async (channel) => {
    if (isClosing) return
    const subscribed = { channel, consumerTag: '', prefetch: 0, isConsuming: false }
    current = subscribed
    channel.once('close', () => {
      if (!isOpen(channel)) return
      current = undefined
      // The broker will deliver these again; acting on them twice is of no use.
      buffer = []
    })
    await subscribe(subscribed, PREFETCH_REDELIVERED)
    subscribed.isConsuming = true
  })

  return {
    isConsuming: () => current?.isConsuming === true,
    async close() {
      isClosing = true
      const open = current
      if (open !== undefined) await untilAnswered(cancel(open))
      await working
      // Closing the channel gives back what was not begun.
      await handle.close()
    },
  }
}

// A channel that is closed throws at once.
const cancel = async ({ channel, consumerTag }: Subscribed) => channel.cancel(consumerTag)

function madeAtSeconds(received: Received | undefined): number | undefined {
  const timestamp: unknown = received?.message.properties.timestamp
  return typeof timestamp === 'number' ? timestamp : undefined
}

/** Redelivered messages run alone, so that one which kills the process takes no neighbour along. */
function takeBatch(buffer: Received[], batchMax: number): Received[] {
  const first = buffer[0]
  if (first === undefined) return []
  if (first.message.fields.redelivered) return [first]
  const end = buffer.findIndex(
    ({ channel, message }, index) =>
      index >= batchMax || message.fields.redelivered || channel !== first.channel,
  )
  return end === -1 ? buffer.slice(0, batchMax) : buffer.slice(0, end)
}
