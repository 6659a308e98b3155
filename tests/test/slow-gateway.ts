import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Teardown } from '@auction/common/testing/database.ts'

/** Passes requests on after `delayMs` of each, in the name of the address that they came from. */
export async function createSlowGateway(
  t: Teardown,
  gatewayUrl: string,
  delayMs: (incoming: IncomingMessage) => number,
): Promise<{ url: string }> {
  const server = createServer((incoming, response) => {
    void wait(delayMs(incoming)).then(() => {
      const { method, headers } = incoming
      const localAddress = incoming.socket.remoteAddress
      const onward = request(
        new URL(incoming.url ?? '/', gatewayUrl),
        { method, headers, ...(localAddress === undefined ? {} : { localAddress }) },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(response)
        },
      )
      onward.on('error', () => response.destroy())
      incoming.pipe(onward)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
