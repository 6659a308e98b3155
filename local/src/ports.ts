import { createServer } from 'node:net'

// Below the range from which systems take ports for outgoing connections, so that a port which is
// free now is still free when its process is started again.
const FROM = 20_000
const COUNT = 10_000
const TRIES_MAX = 500

// A process may take seconds until it listens on its port; no other process gets the port meanwhile.
const given = new Set<number>()

/** Free ports of 127.0.0.1, all different, also from those of earlier calls. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries += 1) {
    if (tries > count + TRIES_MAX) throw new Error(`no ${count} free ports from ${FROM} on`)
    const port = FROM + Math.floor(Math.random() * COUNT)
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.close(() => resolve(true))
    })
  })
}
