import { EXCHANGES } from '@auction/common/rabbitmq/topology.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { connect } from 'amqplib'

/** Consumes every event at the broker, as a service of later would. */
export async function createWiretap(t: Teardown, url: string): Promise<{ messages: string[] }> {
  const connection = await connect(url)
  t.teardown(() => connection.close().catch(() => undefined))
  const channel = await connection.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  for (const exchange of EXCHANGES) await channel.bindQueue(queue, exchange, '#')
  const messages: string[] = []
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return
      const { content, fields, properties } = message
      messages.push(
        `${fields.routingKey} ${JSON.stringify(properties.headers)} ${content.toString()}`,
      )
    },
    { noAck: true },
  )
  return { messages }
}
