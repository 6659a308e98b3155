import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { required, type Teardown } from './database.ts'

export interface TestBroker {
  /** AMQP address of a vhost of the test's own, by way of a relay that can be cut. */
  url: string
  vhost: string
  /** Calls the broker's management API below /api and answers its JSON. */
  manage<T>(method: string, path: string, body?: unknown): Promise<T>
  /** Cuts every connection that was made through `url`, as a network failure would. */
  closeConnections(): number
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
  const relay = await startRelay(amqp)
  t.teardown(async () => {
    relay.stop()
    await manage('DELETE', `/vhosts/${vhost}`)
  })
  return {
    url: `amqp://${amqp.username}:${amqp.password}@127.0.0.1:${relay.port}/${vhost}`,
    vhost,
    manage,
    closeConnections: relay.cut,
  }
}

/**
 * Passes bytes to the broker and back. The broker's own list of connections lags by seconds, so it
 * is no way to cut one at the moment that a test wants.
 */
async function startRelay(amqp: URL) {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(amqp.port || 5672), amqp.hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true)
      from.pipe(to)
      from.on('error', () => undefined)
      from.on('close', () => to.destroy())
    }
    sockets.add(near)
    near.on('close', () => sockets.delete(near))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    const count = sockets.size
    for (const socket of sockets) socket.resetAndDestroy()
    return count
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    stop() {
      cut()
      server.close()
    },
  }
}
