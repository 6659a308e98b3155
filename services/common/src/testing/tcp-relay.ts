import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands between a client and a server, so that a test can be the network failure. */
export interface TcpRelay {
  port: number
  /** How many connections were made so far. */
  accepted(): number
  /** Resets every connection; answers how many there were. New ones are taken at once. */
  cut(): number
  /** Cuts, and refuses new connections until `start`. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Neither closes nor passes anything on any more, like a host that vanished. */
  stall(): void
}

/** Relays 127.0.0.1:port to the given address. */
export async function startTcpRelay(host: string, port: number): Promise<TcpRelay> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let accepted = 0
  const server = createServer((near) => {
    accepted += 1
    const far = connect(port, host)
    const pair = [near, far] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true)
      from.pipe(to)
      from.on('error', () => undefined)
      from.on('close', () => to.destroy())
    }
    near.on('close', () => pairs.delete(pair))
  })
  const listen = async (at: number) => {
    server.listen(at, '127.0.0.1')
    await once(server, 'listening')
  }
  const cut = () => {
    const count = pairs.size
    for (const [near] of pairs) reset(near)
    return count
  }
  await listen(0)
  const relayed = (server.address() as AddressInfo).port
  return {
    port: relayed,
    accepted: () => accepted,
    cut,
    async stop() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
    start: () => listen(relayed),
    stall() {
      for (const [near, far] of pairs) {
        near.unpipe(far)
        far.unpipe(near)
      }
    },
  }
}

/**
 * A socket that is just saying that it has no more to send cannot be reset: libuv answers EINVAL, Node takes
 * it for closed all the same, and the process then waits for that handle for ever when it ends.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
