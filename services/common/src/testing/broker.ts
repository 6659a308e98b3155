import { randomBytes } from 'node:crypto'
import { required, type Teardown } from './database.ts'
import { startTcpRelay, type TcpRelay } from './tcp-relay.ts'

export interface TestBroker {
  /** AMQP address of a vhost of the test's own, by way of `network`. */
  url: string
  /** The same past that network, for those who only look. */
  directUrl: string
  managementUrl: string
  vhost: string
  /** Calls the broker's management API below /api and answers its JSON. */
  manage<T>(method: string, path: string, body?: unknown): Promise<T>
  /** What `url` goes through. The broker's own list of connections lags too much to cut by. */
  network: TcpRelay
}

/** A fresh vhost, deleted when the test ends. */
export async function createTestBroker(t: Teardown): Promise<TestBroker> {
  const amqp = new URL(required('TEST_RABBITMQ_URL'))
  const management = new URL(required('TEST_RABBITMQ_MANAGEMENT_URL'))
  const vhost = `test-${randomBytes(8).toString('hex')}`
  const manage = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const credentials = `${decodeURIComponent(management.username)}:${decodeURIComponent(management.password)}`
    const response = await fetch(`${management.origin}/api${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  await manage('PUT', `/vhosts/${vhost}`)
  const user = decodeURIComponent(amqp.username)
  await manage('PUT', `/permissions/${vhost}/${user}`, { configure: '.*', write: '.*', read: '.*' })
  const network = await startTcpRelay(amqp.hostname, Number(amqp.port || 5672))
  t.teardown(async () => {
    await network.stop()
    await manage('DELETE', `/vhosts/${vhost}`)
  })
  return {
    url: `amqp://${amqp.username}:${amqp.password}@127.0.0.1:${network.port}/${vhost}`,
    directUrl: `amqp://${amqp.username}:${amqp.password}@${amqp.host}/${vhost}`,
    managementUrl: management.href,
    vhost,
    manage,
    network,
  }
}
