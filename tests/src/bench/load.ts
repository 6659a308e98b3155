/**
 * The load generator, a process of its own. Raw sockets and prepared bytes, because a general HTTP
 * client costs more than the server under test and would be the limit on two cores.
 */
import { connect } from 'node:net'

export interface LoadOrder {
  ports: number[]
  itemIds: string[]
  tokens: string[]
  connections: number
  seconds: number
  /** Requests a second in all; absent = as fast as answers come. */
  rate?: number
  /** Where the amounts begin, in cents; each bid raises it by two on average. */
  fromCents: number
  /** How far amounts lie apart: 0 = each tops the one sent before it. */
  spreadCents: number
}

export interface LoadResult {
  decided: number
  accepted: number
  failed: number
  seconds: number
  p50Ms: number
  p99Ms: number
  /** CPU seconds this process used: near `seconds`, the generator itself is a limit. */
  cpuSeconds: number
}

if (process.argv[2] === 'run') {
  process.once('message', (order: LoadOrder) => {
    void run(order).then((result) => {
      process.send?.(result, () => process.exit(0))
    })
  })
  process.send?.('ready')
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const startedAtMs = performance.now()
  const cpuBefore = process.cpuUsage()
  const endMs = startedAtMs + order.seconds * 1000
  const latencies: number[] = []
  const counts = { decided: 0, accepted: 0, failed: 0, sent: 0 }
  const nextBody = () => {
    counts.sent += 1
    // With a spread some lead, some are outbid at once, and some come too late for their amount.
    const cents = order.fromCents + counts.sent * 2 + Math.floor(Math.random() * order.spreadCents)
    return `{"maxAmount":"${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}"}`
  }
  await Promise.all(
    Array.from({ length: order.connections }, (_, index) =>
      drive(order, index, endMs, nextBody, (status, latencyMs) => {
        latencies.push(latencyMs)
        counts.decided += status === 201 || status === 422 ? 1 : 0
        counts.accepted += status === 201 ? 1 : 0
        counts.failed += status === 201 || status === 422 ? 0 : 1
      }),
    ),
  )
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN
  const seconds = (performance.now() - startedAtMs) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const cpuSeconds = (user + system) / 1e6
  const { decided, accepted, failed } = counts
  return { decided, accepted, failed, seconds, p50Ms: at(0.5), p99Ms: at(0.99), cpuSeconds }
}

function drive(
  { ports, itemIds, tokens, connections, rate }: LoadOrder,
  index: number,
  endMs: number,
  nextBody: () => string,
  answered: (status: number, latencyMs: number) => void,
): Promise<void> {
  const token = tokens[index % tokens.length]
  const intervalMs = rate === undefined ? 0 : (connections * 1000) / rate
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port: ports[index % ports.length] ?? 0,
      noDelay: true,
    })
    let sentAtMs = 0
    let dueMs = performance.now() + Math.random() * intervalMs
    let pending = ''
    let sequence = index
    const send = () => {
      const body = nextBody()
      const itemId = itemIds[sequence % itemIds.length]
      sequence += connections + 1
      // At a given rate a bid counts from when it was due, so that a slow answer is not hidden by
      // the bids that waited behind it.
      sentAtMs = intervalMs === 0 ? performance.now() : dueMs
      socket.write(
        `POST /api/v1/lots/${itemId}/bids HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
    }
    const next = () => {
      const now = performance.now()
      if (now >= endMs) {
        socket.destroy()
        resolve()
      } else if (intervalMs === 0) send()
      else {
        dueMs += intervalMs
        if (dueMs <= now) send()
        else setTimeout(send, dueMs - now)
      }
    }
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      pending += chunk.toString('latin1')
      const headEnd = pending.indexOf('\r\n\r\n')
      if (headEnd === -1) return
      const length = Number(/content-length: (\d+)/i.exec(pending)?.[1] ?? 0)
      if (pending.length < headEnd + 4 + length) return
      answered(Number(pending.slice(9, 12)), performance.now() - sentAtMs)
      pending = ''
      next()
    })
    socket.on('connect', intervalMs === 0 ? send : next)
  })
}
