import { randomBytes } from 'node:crypto'
import { required, type Teardown } from './database.ts'

export interface TestBroker {
  /** AMQP address of a vhost of the test's own. */
  url: string
  vhost: string
  /** Calls the broker's management API below /api and answers its JSON. */
  manage<T>(method: string, path: string, body?: unknown): Promise<T>
  /** Cuts every connection to this vhost, as a network failure or a broker restart would. */
  closeConnections(): Promise<number>
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
  t.teardown(() => manage('DELETE', `/vhosts/${vhost}`))
  return {
    url: `${amqp.protocol}//${amqp.username}:${amqp.password}@${amqp.host}/${vhost}`,
    vhost,
    manage,
    async closeConnections() {
      const connections = await manage<{ name: string }[]>('GET', `/vhosts/${vhost}/connections`)
      for (const { name } of connections) {
        // One that went by itself in the meantime is a 404, which is what we wanted anyway.
        await manage('DELETE', `/connections/${encodeURIComponent(name)}`).catch(() => undefined)
      }
      return connections.length
    },
  }
}
