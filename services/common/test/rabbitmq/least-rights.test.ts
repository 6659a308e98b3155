import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createLogger } from '#src/process/logger.ts'
import { brokerAddress } from '#src/rabbitmq/broker-address.ts'
import { connectBroker } from '#src/rabbitmq/connection.ts'
import { createPublisher } from '#src/rabbitmq/publisher.ts'
import { createTestBroker, type TestBroker } from '#src/testing/broker.ts'
import type { Teardown } from '#src/testing/database.ts'
import { waitFor } from '#src/testing/wait-for.ts'

const TOPOLOGY = fileURLToPath(new URL('../../src/cmd/topology.ts', import.meta.url))
const PASSWORD = 'p@ss/w:rd%?#'
// What the charts grant the bid service.
const BID = { configure: '^$', write: '^(auction\\.(bid|offer)|bid\\.moves)$', read: '^bid\\.' }

async function settingsOf(t: Teardown, broker: TestBroker, rights: object) {
  const name = `test-${randomBytes(6).toString('hex')}`
  await broker.manage('PUT', `/users/${name}`, { password: PASSWORD, tags: '' })
  t.teardown(() => broker.manage('DELETE', `/users/${name}`))
  await broker.manage('PUT', `/permissions/${broker.vhost}/${name}`, rights)
  const url = new URL(broker.directUrl)
  url.username = ''
  url.password = ''
  return { RABBITMQ_URL: url.href, RABBITMQ_USERNAME: name, RABBITMQ_PASSWORD: PASSWORD }
}

function declareAll(settings: object) {
  return spawnSync(process.execPath, [TOPOLOGY], {
    env: { PATH: process.env.PATH, ...settings },
    encoding: 'utf8',
  })
}

t.test(
  'one process declares, and a service with rights to its own things alone works',
  async (t) => {
    const broker = await createTestBroker(t)
    const everything = { configure: '.*', write: '.*', read: '.*' }
    const settings = await settingsOf(t, broker, BID)
    const log = createLogger('test', 'silent')
    const address = brokerAddress({ ...settings, RABBITMQ_TOPOLOGY: 'expect' })
    const connection = connectBroker({ ...address, name: 'bid', log })
    t.teardown(() => connection.close())
    const publisher = createPublisher(connection, 'bid')
    t.teardown(() => publisher.close())
    await waitFor('the connection', async () => (connection.isConnected() ? true : undefined))
    t.equal(publisher.isReady(), false, 'nothing is published while a queue is missing')

    const { status, stdout } = declareAll(await settingsOf(t, broker, everything))
    t.equal(status, 0, stdout)
    await waitFor('the publisher', async () => (publisher.isReady() ? true : undefined))
    const publish = (exchange: string, routingKey: string) =>
      publisher.publish({
        exchange,
        routingKey,
        content: Buffer.from('{}'),
        options: { messageId: `${exchange} ${routingKey}`, mandatory: true, persistent: true },
      })
    t.equal(await publish('auction.bid', 'bid.placed.v1'), 'confirmed', 'its own events')
    t.equal(
      await publish('bid.moves', 'bid.item.published.v1.dlq'),
      'confirmed',
      'its dead letters',
    )
    for (const exchange of ['auction.item', 'auction.moves', '']) {
      await waitFor('the channel', async () => (publisher.isReady() ? true : undefined))
      t.equal(await publish(exchange, 'auction.bid.won.v1'), 'unknown', `not into "${exchange}"`)
    }
    const forbidden = (queue: string) =>
      connection
        .withChannel((channel) => channel.get(queue))
        .then(
          () => 'allowed',
          (error: Error) => /ACCESS_REFUSED/.exec(error.message)?.[0] ?? error.message,
        )
    await waitFor('the channel', async () => (publisher.isReady() ? true : undefined))
    t.equal(await forbidden('auction.bid.won.v1'), 'ACCESS_REFUSED', 'reads nothing of others')
  },
)

t.test('declaring without the right ends with a failure', async (t) => {
  const broker = await createTestBroker(t)
  const { status } = declareAll({
    ...(await settingsOf(t, broker, BID)),
    WAIT_FOR_BROKER_MS: '3000',
  })
  t.equal(status, 1)
})
