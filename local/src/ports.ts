import { createServer } from 'node:net'

// Below the range from which systems take ports for outgoing connections, so that a port which is
// free now is still free when its process is started again.
const FROM = 20_000
const COUNT = 10_000
const TRIES_MAX = 500

/** Free ports of 127.0.0.1, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count; tries += 1) {
    if (tries > TRIES_MAX) throw new Error(`no ${count} free ports from ${FROM} on`)
    const port = FROM + Math.floor(Math.random() * COUNT)
    if (!ports.has(port) && (await isFree(port))) ports.add(port)
  }
  return [...ports]
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
