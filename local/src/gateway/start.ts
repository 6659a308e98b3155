import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { PING_PATH, PLUGIN, renderGateway, renderStatic, type Upstreams } from './render.ts'
import { type Routes, readRoutes } from './routes.ts'

export interface GatewayOptions {
  readonly stateDir: string
  readonly port: number
  /** Where Prometheus reads; absent: nowhere. */
  readonly metricsPort?: number
  readonly upstreams: Upstreams
  /** Absent: charts/auction-platform/routes.yaml. */
  readonly routes?: Routes
  /** Absent: no access log is written. */
  readonly accessLogFile?: string
}

/** The gateway could not be started; the message says why. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code = 'gateway.start_failed'
}

const PLUGIN_SOURCE = fileURLToPath(new URL('../../../k8s/traefik-plugin', import.meta.url))

/** How Traefik is started: its arguments, and the folder in which it looks for plugins. */
export interface GatewayStart {
  readonly args: string[]
  readonly cwd: string
}

/** Writes both settings files and the plugin, and answers how Traefik is started with them. */
export async function writeGateway(options: GatewayOptions): Promise<GatewayStart> {
  const folder = join(options.stateDir, 'gateway')
  const dynamicFile = join(folder, 'dynamic.yaml')
  const staticFile = join(folder, 'traefik.yaml')
  const dynamic = renderGateway(options.routes ?? (await readRoutes()), options.upstreams)
  const settings = renderStatic({
    addresses: await loopbackAddresses(options.port),
    dynamicFile,
    ...(options.metricsPort === undefined
      ? {}
      : { metricsAddress: `127.0.0.1:${options.metricsPort}` }),
    ...(options.accessLogFile === undefined ? {} : { accessLogFile: options.accessLogFile }),
  })
  await mkdir(folder, { recursive: true })
  await writeFile(dynamicFile, stringify(dynamic))
  await writeFile(staticFile, stringify(settings))
  const plugin = join(folder, 'plugins-local/src', PLUGIN.module)
  await rm(plugin, { recursive: true, force: true })
  await cp(PLUGIN_SOURCE, plugin, { recursive: true })
  return { args: [`--configFile=${staticFile}`], cwd: folder }
}

/** Whether Traefik is up and has read its routers. */
export async function gatewayAnswers(url: string): Promise<boolean> {
  return fetch(`${url}${PING_PATH}`).then(
    (answer) => answer.status === 200,
    () => false,
  )
}

/** A browser may take `localhost` for ::1 or 127.0.0.1, so both are served where both exist. */
export async function loopbackAddresses(port: number): Promise<string[]> {
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
    server.once('error', (error) => {
      const taken = new GatewayError(`port ${port} on ${host} is taken by another program`)
      reject(codeOf(error) === 'EADDRINUSE' ? taken : error)
    })
    server.listen({ host, port, exclusive: true }, () => resolve())
  })
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
