import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stringify } from 'yaml'
import { PING_PATH, renderGateway, renderStatic, type Upstreams } from './render.ts'
import { type Routes, readRoutes } from './routes.ts'

export interface GatewayOptions {
  readonly binary: string
  readonly stateDir: string
  readonly port: number
  readonly upstreams: Upstreams
  readonly log: (line: string) => void
  /** Absent: charts/auction-platform/routes.yaml. */
  readonly routes?: Routes
  /** Absent: no access log is written. */
  readonly accessLogFile?: string
}

export interface Gateway {
  readonly url: string
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 20_000
const POLL_MS = 25
const STOP_TIMEOUT_MS = 8_000

/** Starts Traefik on the loopback addresses and answers once its routers are in place. */
export async function startTraefik(options: GatewayOptions): Promise<Gateway> {
  const { binary, stateDir, port, upstreams, log } = options
  const folder = join(stateDir, 'gateway')
  const dynamicFile = join(folder, 'dynamic.yaml')
  const staticFile = join(folder, 'traefik.yaml')
  const dynamic = renderGateway(options.routes ?? (await readRoutes()), upstreams)
  const settings = renderStatic({
    addresses: await loopbackAddresses(port),
    dynamicFile,
    ...(options.accessLogFile === undefined ? {} : { accessLogFile: options.accessLogFile }),
  })
  await mkdir(folder, { recursive: true })
  await writeFile(dynamicFile, stringify(dynamic))
  await writeFile(staticFile, stringify(settings))
  const child = spawn(binary, [`--configFile=${staticFile}`], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  const keep = (chunk: Buffer): void => {
    for (const line of chunk.toString().split('\n')) {
      if (line === '') continue
      lines.push(line)
      log(line)
    }
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const stop = (): Promise<void> => stopProcess(child)
  const url = `http://127.0.0.1:${port}`
  try {
    await untilReady(url, child)
  } catch (error) {
    await stop()
    throw new Error(`${(error as Error).message}\n${lines.slice(-10).join('\n')}`)
  }
  return { url, stop }
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  let failure: Error | undefined
  child.once('error', (error) => {
    failure = error
  })
  const deadline = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadline) {
    if (failure !== undefined) throw failure
    if (child.exitCode !== null) throw new Error(`traefik ended with code ${child.exitCode}`)
    const status = await fetch(`${url}${PING_PATH}`).then(
      (answer) => answer.status,
      () => undefined,
    )
    if (status === 200) return
    await delay(POLL_MS)
  }
  throw new Error(`traefik did not answer within ${START_TIMEOUT_MS / 1000} s`)
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  child.kill('SIGTERM')
  await ended
  clearTimeout(timer)
}

/** A browser may take `localhost` for ::1 or 127.0.0.1, so both are served where both exist. */
async function loopbackAddresses(port: number): Promise<string[]> {
  await assertFree('127.0.0.1', port)
  try {
    await assertFree('::1', port)
  } catch (error) {
    // A machine without IPv6. An occupied port is another matter: it would catch our visitors.
    if (!['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(codeOf(error))) throw error
    return [`127.0.0.1:${port}`]
  }
  return [`127.0.0.1:${port}`, `[::1]:${port}`]
}

async function assertFree(host: string, port: number): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => resolve())
  })
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
