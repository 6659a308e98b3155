import { Agent, request as httpRequest } from 'node:http'
import { request as httpsRequest, Agent as TlsAgent } from 'node:https'

export interface Answer<T = Record<string, unknown>> {
  statusCode: number
  headers: Record<string, string | string[] | undefined>
  body: T
}

export interface RequestOptions {
  token?: string
  body?: unknown
  headers?: Record<string, string>
  timeoutMs?: number
}

export interface ApiClient {
  /** Rejects only when no answer came; what became of the request is then unknown. */
  request<T = Record<string, unknown>>(
    method: string,
    path: string,
    options?: RequestOptions,
  ): Promise<Answer<T>>
  close(): void
}

export interface ClientOptions {
  baseUrl: string
  /** A loopback address to call from, so that many clients do not share one rate limit. */
  localAddress?: string
  maxSockets?: number
  /** PEM of an authority to believe beside those of the system. */
  ca?: string
}

// Of the requests of tests: as long as only what never comes needs. Load generators give their own.
const TIMEOUT_MS = 60_000

/** A plain HTTP client with kept-alive connections; what a bidder's browser would send. */
export function createClient(options: ClientOptions): ApiClient {
  const { baseUrl, localAddress, maxSockets = 64, ca } = options
  const isTls = baseUrl.startsWith('https:')
  const send = isTls ? httpsRequest : httpRequest
  const agent = isTls
    ? new TlsAgent({ keepAlive: true, maxSockets, ...(ca === undefined ? {} : { ca }) })
    : new Agent({ keepAlive: true, maxSockets })
  return {
    request<T>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<T>> {
      const payload = options.body === undefined ? undefined : JSON.stringify(options.body)
      const headers: Record<string, string> = { ...options.headers }
      if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`
      if (payload !== undefined) {
        headers['content-type'] = 'application/json'
        headers['content-length'] = String(Buffer.byteLength(payload))
      }
      return new Promise((resolve, reject) => {
        const outgoing = send(
          new URL(path, baseUrl),
          { method, headers, agent, ...(localAddress === undefined ? {} : { localAddress }) },
          (response) => {
            const chunks: Buffer[] = []
            response.on('data', (chunk: Buffer) => chunks.push(chunk))
            response.on('error', reject)
            response.on('end', () => {
              const text = Buffer.concat(chunks).toString('utf8')
              const isJson = String(response.headers['content-type']).includes('json')
              try {
                resolve({
                  statusCode: response.statusCode ?? 0,
                  headers: response.headers,
                  body: (isJson ? JSON.parse(text) : { text }) as T,
                })
              } catch (error) {
                reject(error)
              }
            })
          },
        )
        outgoing.setTimeout(options.timeoutMs ?? TIMEOUT_MS, () =>
          outgoing.destroy(new Error('no answer in time')),
        )
        outgoing.on('error', reject)
        outgoing.end(payload)
      })
    },
    close: () => agent.destroy(),
  }
}
