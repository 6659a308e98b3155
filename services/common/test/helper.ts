import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Registry } from 'prom-client'
import { type App, buildServer, type ServerOptions } from '#src/http/server.ts'
import { createLogger, type Logger } from '#src/process/logger.ts'
import type { Teardown } from '#src/testing/database.ts'

/** One line of a log, as an operator's tools would read it. */
export interface LogLine {
  level: string
  msg: string
  [name: string]: unknown
}

/** A logger like that of a process, whose lines can be read. */
export function collectLog(): { log: Logger; lines: LogLine[]; text(): string } {
  const written: string[] = []
  const lines: LogLine[] = []
  const destination = {
    write(line: string) {
      written.push(line)
      lines.push(JSON.parse(line))
    },
  }
  return { log: createLogger('toy', 'trace', destination), lines, text: () => written.join('') }
}

export type ToyServer = ReturnType<typeof collectLog> & { app: App; registry: Registry }

/** The server every service starts from, closed with the test. */
export async function buildToy(
  t: Teardown,
  options: Partial<ServerOptions> = {},
): Promise<ToyServer> {
  const collected = collectLog()
  const registry = new Registry()
  const app = await buildServer({ service: 'toy', log: collected.log, registry, ...options })
  t.teardown(() => app.close())
  return { ...collected, app, registry }
}

/** Opens the server's listener; answers its port. */
export async function listen(app: App): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  return (app.server.address() as AddressInfo).port
}

/** Sends bytes over a socket of its own and answers all that comes back until it is closed. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (data) => {
    answer += data.toString()
  })
  socket.on('error', () => undefined)
  socket.write(text)
  await once(socket, 'close')
  return answer
}

/** A foreign HTTP server, closed with the test; answers its address. */
export async function serve(t: Teardown, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
