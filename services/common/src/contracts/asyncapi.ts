import { readdirSync } from 'node:fs'
import { queueName, SUBSCRIPTIONS } from '../rabbitmq/topology.ts'
import type { EventContract } from './event.ts'

/** Every event of the platform, by key: all contracts that a file of this folder exports. */
export const EVENTS: readonly EventContract[] = (await readContracts()).sort((a, b) =>
  a.key < b.key ? -1 : 1,
)

async function readContracts(): Promise<EventContract[]> {
  const contracts: EventContract[] = []
  for (const file of readdirSync(import.meta.dirname)) {
    if (!file.endsWith('.ts') || file === 'asyncapi.ts') continue
    const module: object = await import(`./${file}`)
    contracts.push(...Object.values(module).filter(isContract))
  }
  return contracts
}

/** The events as an AsyncAPI 3 document: channels are routing keys, operations are the services'. */
export function asyncApiDocument(): Record<string, unknown> {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Auction events',
      version: '1.0.0',
      description:
        'What happened on the platform. Every event is published after its commit, at least once: order by `sequence`, and expect to receive an event twice.',
      contact: { name: 'Operators of this installation' },
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      tags: [...new Set(EVENTS.map(({ publisher }) => publisher))]
        .sort()
        .map((name) => ({ name, description: `Published by the service ${name}.` })),
    },
    defaultContentType: 'application/json',
    channels: byName(EVENTS.map((contract) => [contract.key, channelOf(contract)])),
    operations: byName([
      ...EVENTS.map((contract): [string, unknown] => [
        `${contract.publisher}.publishes.${contract.key}`,
        operation('send', contract),
      ]),
      ...SUBSCRIPTIONS.map(({ consumer, contract }): [string, unknown] => [
        `${consumer}.consumes.${contract.key}`,
        {
          ...operation('receive', contract),
          bindings: { amqp: { ack: true, bindingVersion: '0.3.0' } },
          description: `From the queue ${queueName(consumer, contract)}.`,
        },
      ]),
    ]),
    components: {
      messages: byName(EVENTS.map((contract) => [contract.key, messageOf(contract)])),
      schemas: { headers: HEADERS },
    },
  }
}

const channelOf = ({ key, exchange }: EventContract) => ({
  address: key,
  messages: { [key]: { $ref: `#/components/messages/${key}` } },
  bindings: {
    amqp: {
      is: 'routingKey',
      exchange: { name: exchange, type: 'topic', durable: true, autoDelete: false, vhost: '/' },
      bindingVersion: '0.3.0',
    },
  },
})

const operation = (action: 'send' | 'receive', { key }: EventContract) => ({
  action,
  channel: { $ref: `#/channels/${key}` },
  messages: [{ $ref: `#/channels/${key}/messages/${key}` }],
})

const text = { type: 'string' }

const HEADERS = {
  type: 'object',
  properties: {
    'x-trace-id': text,
    'x-correlation-id': text,
    'x-service': text,
    traceparent: text,
  },
}

const messageOf = ({ key, event, version, payload }: EventContract) => ({
  name: key,
  contentType: 'application/json',
  headers: { $ref: '#/components/schemas/headers' },
  payload: {
    type: 'object',
    required: [
      ...['id', 'event', 'version', 'timestamp', 'source', 'traceId', 'correlationId'],
      'payload',
    ],
    properties: {
      id: { type: 'string', format: 'uuid' },
      event: { const: event },
      version: { const: version },
      timestamp: { type: 'string', format: 'date-time' },
      source: text,
      sequence: {
        type: 'integer',
        minimum: 0,
        description: 'Counts the committed changes of the aggregate',
      },
      traceId: text,
      correlationId: text,
      causationId: { ...text, description: 'The event that led to this one' },
      // Through text, which leaves out what only the library of schemas uses.
      payload: JSON.parse(JSON.stringify(payload)),
    },
  },
})

function byName(entries: readonly [string, unknown][]): Record<string, unknown> {
  return Object.fromEntries(entries)
}

function isContract(value: unknown): value is EventContract {
  return typeof value === 'object' && value !== null && 'key' in value && 'checkRead' in value
}
