import type { Kysely } from 'kysely'
import { type OutboxEvent, readEvent } from '../contracts/event.ts'
import type { Consumer, Delivery } from '../rabbitmq/consumer.ts'
import { claim } from '../rabbitmq/inbox.ts'
import { expectSubscribed, queueName } from '../rabbitmq/topology.ts'
import { ownTrace } from '../telemetry/tracing.ts'

/** Gives events to the consumers that want them, each once, as a worker would; without a broker between. */
export async function consume<Schema>(
  db: Kysely<Schema>,
  events: readonly OutboxEvent[],
  consumers: readonly Consumer<Schema>[],
): Promise<void> {
  expectSubscribed(consumers)
  for (const consumer of consumers) {
    const { contract } = consumer
    const deliveries = events
      .filter(({ key }) => key === contract.key)
      .map(({ envelope }): Delivery => {
        const read = readEvent(contract, Buffer.from(JSON.stringify(envelope)))
        return { ...(read as Delivery), trace: ownTrace('test') }
      })
    if (deliveries.length === 0) continue
    if (consumer.kind === 'projection') {
      await db.transaction().execute((tx) => consumer.handle(tx, deliveries))
      continue
    }
    for (const delivery of deliveries) {
      if (consumer.kind === 'idempotent') await consumer.handle(delivery)
      else {
        await db.transaction().execute(async (tx) => {
          const isNew = await claim(tx, queueName(consumer.consumer, contract), delivery.id)
          if (isNew) await consumer.handle(tx, delivery)
        })
      }
    }
  }
}
