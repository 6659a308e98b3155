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

export interface QueueRunner {
  isConsuming(): boolean
  close(): Promise<void>
}

interface Subscribed {
  channel: ConfirmChannel
  consumerTag: string
  isConsuming: boolean
}

const PREFETCH_SINGLE = 10
const FAILURE_PAUSE_MS = 1_000

/** Consumes one queue: takes what has arrived, handles it, then acknowledges. */
export function startQueueRunner<DB>(
  options: RunnerOptions<DB>,
  consumer: Consumer<DB>,
): QueueRunner {
  const { log, connection } = options
  const queue = queueName(consumer.consumer, consumer.contract)
  const batchMax = consumer.kind === 'projection' ? consumer.batchMax : 1
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
  const receive = (channel: ConfirmChannel, message: ConsumeMessage | null) => {
    if (message === null) {
      // The broker cancelled us (the queue was deleted): closing makes everything be set up again.
      log.warn({ queue }, 'consumer was cancelled by the broker')
      channel.close().catch(() => undefined)
      return
    }
    if (!isOpen(channel)) return
    buffer.push({ channel, message })
    // After the poll phase, so that what arrived together is handled together.
    working ??= new Promise<void>((resolve) => setImmediate(resolve)).then(work)
  }
  const handle = connection.openChannel(queue, async (channel) => {
    if (isClosing) return
    const subscribed = { channel, consumerTag: randomUUID(), isConsuming: false }
    current = subscribed
    channel.once('close', () => {
      if (!isOpen(channel)) return
      current = undefined
      // The broker will deliver these again; acting on them twice is of no use.
      buffer = []
    })
    await channel.prefetch(consumer.kind === 'projection' ? batchMax * 2 : PREFETCH_SINGLE)
    await channel.consume(queue, (message) => receive(channel, message), {
      consumerTag: subscribed.consumerTag,
    })
    subscribed.isConsuming = true
  })

  return {
    isConsuming: () => current?.isConsuming === true,
    async close() {
      isClosing = true
      const open = current
      if (open !== undefined) await open.channel.cancel(open.consumerTag).catch(() => undefined)
      await working
      // Closing the channel gives back what was not begun.
      await handle.close()
    },
  }
}

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
