import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type Certificate, certificateFor } from '@auction/common/testing/certificate.ts'
import type { Teardown } from '@auction/common/testing/database.ts'

export interface Receiver {
  port: number
  /** Addresses of this machine at which a connection arrived, one entry for each. */
  connections: string[]
  /** Sockets that are open now. */
  open: Set<Socket>
  certificate: Certificate
}

/** A server on every address of this machine, with TLS for `hooks.example` unless `isPlain`. */
export async function startReceiver(
  t: Teardown,
  answer: RequestListener,
  { isPlain = false, name = 'hooks.example' } = {},
): Promise<Receiver> {
  const certificate = await certificateFor(name)
  const server: Server = isPlain
    ? createHttpServer(answer)
    : createHttpsServer({ cert: certificate.pem, key: certificate.key }, answer)
  const connections: string[] = []
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    connections.push((socket.localAddress ?? '').replace('::ffff:', ''))
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '::')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, connections, open, certificate }
}

/** The whole body of a request. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
