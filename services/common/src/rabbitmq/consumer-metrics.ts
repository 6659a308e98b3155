import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { BrokerConnection } from './connection.ts'
import { deadLetterQueue } from './topology.ts'

export type ConsumeOutcome = 'handled' | 'retried' | 'dead_lettered' | 'repeated'

export interface ConsumerMetrics {
  outcome(queue: string, outcome: ConsumeOutcome, count: number): void
  duration(queue: string, seconds: number): void
  /** From the moment an event was made to the moment its effect was committed. */
  lag(queue: string, seconds: number): void
  /** When the oldest message in hand was made, in Unix seconds; undefined when there is none. */
  watchOldest(queue: string, madeAtSeconds: () => number | undefined): void
  stop(): void
}

const DEPTH_INTERVAL_MS = 15_000

/** Messages by queue and outcome, time per batch, and the depth of every dead-letter queue. */
export function createConsumerMetrics(
  registry: Registry,
  connection: BrokerConnection,
  queues: string[],
  depthIntervalMs = DEPTH_INTERVAL_MS,
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
  const lags = new Histogram({
    name: 'consumer_lag_seconds',
    help: 'From the making of the oldest event of a batch to the commit of its effect.',
    labelNames: ['queue'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300],
    registers,
  })
  const oldest = new Map<string, () => number | undefined>()
  new Gauge({
    name: 'consumer_oldest_message_seconds',
    help: 'Age of the oldest message a consumer has in hand, which is the head of its queue; 0 = none.',
    labelNames: ['queue'],
    registers,
    collect() {
      for (const [queue, madeAtSeconds] of oldest) {
        const madeAt = madeAtSeconds()
        this.set({ queue }, madeAt === undefined ? 0 : Math.max(0, Date.now() / 1000 - madeAt))
      }
    },
  })
  const measure = async () => {
    for (const queue of queues) {
      const name = deadLetterQueue(queue)
      const { messageCount } = await connection.withChannel((lent) => lent.checkQueue(name))
      depth.set({ queue: name }, messageCount)
    }
  }
  // The loss of the broker is logged elsewhere, and a gauge keeps its last value meanwhile.
  const timer = setInterval(() => void measure().catch(() => undefined), depthIntervalMs)
  timer.unref()
  return {
    outcome: (queue, outcome, count) => outcomes.inc({ queue, outcome }, count),
    duration: (queue, seconds) => durations.observe({ queue }, seconds),
    lag: (queue, seconds) => lags.observe({ queue }, seconds),
    watchOldest: (queue, madeAtSeconds) => oldest.set(queue, madeAtSeconds),
    stop: () => clearInterval(timer),
  }
}
