import { mkdtemp, readFile, rm } from 'node:fs/promises'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Test } from 'tap'
import type { Routes } from '#src/gateway/routes.ts'
import { gatewayAnswers, writeGateway } from '#src/gateway/start.ts'
import { ensureTraefik } from '#src/install/traefik.ts'
import { createProcessTable } from '#src/process-table.ts'
import { UPSTREAMS } from '#src/service-list.ts'
import type { HeaderLines } from './forgeries.ts'

// Where `make up` keeps it too: the program is 180 MB and installed once.
const TOOLS = fileURLToPath(new URL('../../../.local', import.meta.url))

export const USER_ID = '0197a3c4-1111-7000-8000-000000000001'

/** What a service behind the gateway received. */
export interface Received {
  readonly service: string
  readonly method: string
  readonly url: string
  readonly headers: readonly string[]
  readonly trailers: readonly string[]
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface RawRequest {
  readonly method?: string
  readonly target: string
  readonly headers?: HeaderLines
  readonly trailers?: HeaderLines
  readonly body?: string
}

export interface GatewayTestOptions {
  routes?: Routes
  /** Answers in place of the small server that only records. */
  handlers?: Readonly<Record<string, RequestListener>>
}

/** The real Traefik in front of one small server per public service, which records its requests. */
export async function startGateway(t: Test, options: GatewayTestOptions = {}) {
  const { handlers = {}, ...settings } = options
  const received: Received[] = []
  const asked: string[] = []
  const services = new Map<string, Server>()
  for (const { service } of UPSTREAMS) {
    const record: RequestListener = (request, response) =>
      service === 'identity'
        ? identity(request, response, asked, received)
        : echo(service, request, response, received)
    const server = await listen(handlers[service] ?? record)
    services.set(service, server)
  }
  const stateDir = await mkdtemp(join(tmpdir(), 'auction-gateway-'))
  const port = await freePort()
  const binary = await ensureTraefik(TOOLS, (line) => t.comment(line))
  const start = await writeGateway({
    stateDir,
    port,
    upstreams: Object.fromEntries(
      [...services].map(([service, server]) => [service, [urlOf(server)]]),
    ),
    ...settings,
  })
  const processes = createProcessTable(stateDir)
  const traefik = processes.spawn({ name: 'traefik', command: binary, ...start, env: {} })
  t.teardown(async () => {
    await traefik.stop()
    await Promise.all([...services.values()].map(close))
    await rm(stateDir, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${port}`
  await waitFor('the gateway to answer', async () => {
    if (!traefik.isRunning()) throw new Error(await readFile(processes.logFile('traefik'), 'utf8'))
    return gatewayAnswers(url)
  })
  return {
    port,
    url,
    /** Every request that reached a service, in order. */
    received,
    /** The paths that identity was asked about. */
    asked,
    send: (request: RawRequest) => sendRaw(port, request),
    stopService(name: string) {
      const server = services.get(name)
      if (server === undefined) throw new Error(`there is no service ${name}`)
      return close(server)
    },
  }
}

function identity(
  request: IncomingMessage,
  response: ServerResponse,
  asked: string[],
  received: Received[],
): void {
  const isOptional = request.url === '/identity/validate/optional'
  // Without the method that is asked about it is a client who calls this path.
  const isGateway = request.headers['x-forwarded-method'] !== undefined
  if ((request.url !== '/identity/validate' && !isOptional) || !isGateway) {
    echo('identity', request, response, received)
    return
  }
  asked.push(String(request.headers['x-forwarded-uri']))
  response.setHeader('content-type', 'application/json')
  const { authorization, cookie = '' } = request.headers
  if (isOptional && authorization === undefined && !cookie.includes('session=good')) {
    response.end('{}')
    return
  }
  if (authorization !== 'Bearer good' && !cookie.includes('session=good')) {
    response.statusCode = 401
    response.end('{"code":"auth.unauthenticated","message":"Log in first."}')
    return
  }
  response.setHeader('authorization', 'Bearer good')
  response.setHeader('x-user-id', USER_ID)
  response.setHeader('x-user-email', 'ada@example.com')
  response.setHeader('x-user-roles', 'user')
  response.end('{}')
}

function echo(
  service: string,
  request: IncomingMessage,
  response: ServerResponse,
  received: Received[],
): void {
  request.resume()
  request.on('end', () => {
    const { method = '', url = '', rawHeaders, rawTrailers } = request
    received.push({ service, method, url, headers: rawHeaders, trailers: rawTrailers })
    response.setHeader('content-type', 'application/json')
    response.setHeader('content-security-policy', "default-src 'none'")
    response.setHeader('authorization', 'Bearer of a service that says too much')
    response.end(JSON.stringify({ service, method, url }))
  })
}

/** Writes the bytes as they are: an HTTP client would refuse to send half of the forgeries. */
async function sendRaw(port: number, request: RawRequest): Promise<Answer> {
  const { method = 'GET', target, headers = [], trailers, body } = request
  const lines: string[] = [`${method} ${target} HTTP/1.1`, 'Host: localhost']
  if (!headers.some(([name]) => name === 'Connection')) lines.push('Connection: close')
  lines.push(...headers.map(([name, value]) => `${name}: ${value}`))
  let payload = body ?? ''
  if (trailers !== undefined) {
    lines.push('Transfer-Encoding: chunked')
    const last = trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    payload = `2\r\n{}\r\n0\r\n${last}\r\n`
  } else if (body !== undefined || method !== 'GET') {
    lines.push(`Content-Length: ${Buffer.byteLength(payload)}`)
  }
  const text = await exchange(port, `${lines.join('\r\n')}\r\n\r\n${payload}`)
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...headerLines] = head.split('\r\n')
  const pairs = headerLines.map((line) => line.split(/:\s*(.*)/s))
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: Object.fromEntries(
      pairs.map(([name = '', value = '']) => [name.toLowerCase(), value]),
    ),
    body: rest.join('\r\n\r\n'),
  }
}

async function exchange(port: number, bytes: string): Promise<string> {
  const chunks: Buffer[] = []
  const socket = connect(port, '127.0.0.1')
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('close', () => resolve())
    socket.write(bytes)
  })
  return Buffer.concat(chunks).toString()
}

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return server
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}
