import { createClient } from '#src/api-client.ts'

export interface OpenLoopOrder {
  baseUrl: string
  path: string
  headers?: Record<string, string>
  perSecond: number
  seconds: number
}

// The gateway limits each client address, so the load comes from several.
const ADDRESSES = 8
const TICK_MS = 5

/** Sends GETs at a steady rate whatever the answers do, and returns the 99th percentile. */
export async function openLoop(order: OpenLoopOrder): Promise<{ p99Ms: number }> {
  const { baseUrl, path, headers = {}, perSecond, seconds } = order
  const clients = Array.from({ length: ADDRESSES }, (_, index) =>
    createClient({ baseUrl, localAddress: `127.0.0.${index + 60}` }),
  )
  const latencies: number[] = []
  const ask = async (index: number) => {
    const startedMs = performance.now()
    const answer = await clients[index % ADDRESSES]?.request('GET', path, { headers })
    if (answer?.statusCode !== 200) throw new Error(`${path} answered ${answer?.statusCode}`)
    latencies.push(performance.now() - startedMs)
  }
  const asked: Promise<void>[] = []
  await new Promise<void>((resolve) => {
    const startedMs = performance.now()
    const ticker = setInterval(() => {
      const elapsedSeconds = (performance.now() - startedMs) / 1_000
      const due = Math.floor(Math.min(elapsedSeconds, seconds) * perSecond)
      while (asked.length < due) asked.push(ask(asked.length))
      if (elapsedSeconds < seconds) return
      clearInterval(ticker)
      resolve()
    }, TICK_MS)
  })
  await Promise.all(asked)
  for (const client of clients) client.close()
  latencies.sort((a, b) => a - b)
  return { p99Ms: latencies[Math.floor((latencies.length - 1) * 0.99)] ?? Number.NaN }
}
