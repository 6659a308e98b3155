import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

// Below the range from which systems take ports for outgoing connections, so that a port which is
// free now is still free when its process is started again.
const FROM = 20_000
const COUNT = 10_000
const TRIES_MAX = 500

/** One free port, of which the same is true. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  if (port === undefined) throw new Error('no port was given')
  return port
}

/**
 * Free ports of 127.0.0.1, all different, also from those of earlier calls and of other processes
 * that call this. They stay reserved until this process ends: a service may take seconds until it
 * listens on its port.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries += 1) {
    if (tries > count + TRIES_MAX) throw new Error(`no ${count} free ports from ${FROM} on`)
    const port = FROM + Math.floor(Math.random() * COUNT)
    if ((await reserve(port)) && (await isFree(port))) ports.push(port)
  }
  return ports
}

/**
 * Reserves a TCP port by binding the UDP port of the same number, which nothing here uses. Every
 * runner on the machine sees that, and the system gives it back however this process ends.
 */
function reserve(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => {
      socket.close()
      resolve(false)
    })
    socket.bind({ address: '127.0.0.1', port, exclusive: true }, () => {
      socket.unref()
      resolve(true)
    })
  })
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
