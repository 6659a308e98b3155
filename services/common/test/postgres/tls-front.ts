import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Certificate } from '#src/testing/certificate.ts'

/** Speaks TLS as PostgreSQL does (the client asks first) and hands on to a server without it. */
export async function startTlsFront(host: string, port: number, { pem, key }: Certificate) {
  let encrypted = 0
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    sockets.add(near)
    near.on('error', () => undefined)
    // SSLRequest is eight bytes, and nothing follows it until it is answered.
    near.once('data', () => {
      near.pause()
      near.write('S')
      const secured = new TLSSocket(near, { isServer: true, cert: pem, key })
      secured.on('error', () => near.destroy())
      secured.on('secure', () => {
        encrypted += 1
        const far = connect(port, host)
        far.on('error', () => near.destroy())
        secured.pipe(far).pipe(secured)
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    /** Connections that came to be encrypted. */
    encrypted: () => encrypted,
    stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
