import type { ConsumersOptions } from './consumer.ts'
import { createConsumerMetrics } from './consumer-metrics.ts'
import { type QueueRunner, startQueueRunner } from './queue-runner.ts'
import { queueName, RETRY_TIERS } from './topology.ts'

export interface Consumers {
  /** Every queue has a consumer at the broker. */
  isReady(): boolean
  /** Takes no more, finishes what was begun, gives back what was not. */
  close(): Promise<void>
}

const ATTEMPTS_MAX = 5
const IN_PROCESS_DELAYS_MS = [50, 200, 800]
const HANDLER_TIMEOUT_MS = 30_000

/** Runs consumers until closed; each queue has its own channel and its own order. */
export function runConsumers<DB>(options: ConsumersOptions<DB>): Consumers {
  const queues = options.consumers.map(({ consumer, contract }) => queueName(consumer, contract))
  const { registry, connection, depthIntervalMs } = options
  const metrics = createConsumerMetrics(registry, connection, queues, depthIntervalMs)
  const runners: QueueRunner[] = options.consumers.map((consumer) =>
    startQueueRunner(
      {
        ...options,
        retryTiers: options.retryTiers ?? RETRY_TIERS,
        attemptsMax: options.attemptsMax ?? ATTEMPTS_MAX,
        inProcessDelaysMs: options.inProcessDelaysMs ?? IN_PROCESS_DELAYS_MS,
        handlerTimeoutMs: options.handlerTimeoutMs ?? HANDLER_TIMEOUT_MS,
        metrics,
      },
      consumer,
    ),
  )
  return {
    isReady: () => runners.every((runner) => runner.isConsuming()),
    async close() {
      metrics.stop()
      await Promise.all(runners.map((runner) => runner.close()))
    },
  }
}
