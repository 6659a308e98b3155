import type { ConfirmChannel } from 'amqplib'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { BrokerConnection } from './connection.ts'
import { deadLetterQueue } from './topology.ts'

export type ConsumeOutcome = 'handled' | 'retried' | 'dead_lettered' | 'repeated'

export interface ConsumerMetrics {
  outcome(queue: string, outcome: ConsumeOutcome, count: number): void
  duration(queue: string, seconds: number): void
  close(): Promise<void>
}

const DEPTH_INTERVAL_MS = 15_000

/** Messages by queue and outcome, time per batch, and the depth of every dead-letter queue. */
export function createConsumerMetrics(
  registry: Registry,
  connection: BrokerConnection,
  queues: string[],
): ConsumerMetrics {
  const registers = [registry]
  const outcomes = new Counter({
    name: 'consumer_messages_total',
    help: 'Messages by queue and outcome.',
    labelNames: ['queue', 'outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'consumer_batch_seconds',
    help: 'Time to handle one batch (one message where the queue has no batches).',
    labelNames: ['queue'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
    registers,
  })
  const depth = new Gauge({
    name: 'dead_letter_queue_messages',
    help: 'Messages in a dead-letter queue. Anything above zero needs a human.',
    labelNames: ['queue'],
    registers,
  })
  let channel: ConfirmChannel | undefined
  const handle = connection.openChannel('dead letter depth', async (opened) => {
    channel = opened
    opened.once('close', () => {
      channel = undefined
    })
  })
  const measure = async () => {
    for (const queue of queues) {
      const name = deadLetterQueue(queue)
      const answer = await channel?.checkQueue(name)
      if (answer !== undefined) depth.set({ queue: name }, answer.messageCount)
    }
  }
  const timer = setInterval(() => void measure().catch(() => undefined), DEPTH_INTERVAL_MS)
  timer.unref()
  return {
    outcome: (queue, outcome, count) => outcomes.inc({ queue, outcome }, count),
    duration: (queue, seconds) => durations.observe({ queue }, seconds),
    async close() {
      clearInterval(timer)
      await handle.close()
    },
  }
}
