import { createSigner } from 'fast-jwt'
import type { Trace } from '../telemetry/tracing.ts'
import { ServiceError, serviceUnavailable } from './errors.ts'
import { readBounded } from './read-bounded.ts'

export interface InternalClientOptions {
  /** Who calls, and who is called: the target checks that the token was made for it. */
  service: string
  target: string
  baseUrl: string
  secret: string
  timeoutMs?: number
}

export interface InternalResponse<T> {
  statusCode: number
  body: T
  /** Of a refusal; undefined below 400. */
  code: string | undefined
}

export interface InternalClient {
  /**
   * Calls another service. Its answers below 500 are returned, refusals with their error body. An unreachable or failing
   * target, or a refusal without a code (of a proxy in between), is service.unavailable: the outcome is unknown to the caller.
   */
  request<T>(
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    body?: unknown,
    trace?: Trace,
  ): Promise<InternalResponse<T>>
}

const TOKEN_LIFETIME_MS = 30_000
// Far above every answer that there is.
const BODY_BYTES_MAX = 4 * 1024 * 1024

/** A client with a short-lived token for one target service, made for every call. */
export function createInternalClient(options: InternalClientOptions): InternalClient {
  const sign = createSigner({
    key: options.secret,
    algorithm: 'HS256',
    expiresIn: TOKEN_LIFETIME_MS,
    aud: `internal:${options.target}`,
    sub: options.service,
  })
  const timeoutMs = options.timeoutMs ?? 2_000
  return {
    async request<T>(
      method: 'GET' | 'PUT' | 'POST',
      path: string,
      body?: unknown,
      trace?: Trace,
    ): Promise<InternalResponse<T>> {
      const headers: Record<string, string> = { authorization: `Bearer ${sign({})}` }
      if (body !== undefined) headers['content-type'] = 'application/json'
      if (trace !== undefined) {
        headers.traceparent = trace.traceparent
        headers['x-correlation-id'] = trace.correlationId
      }
      try {
        const response = await fetch(new URL(path, options.baseUrl), {
          method,
          headers,
          body: body === undefined ? null : JSON.stringify(body),
          signal: AbortSignal.timeout(timeoutMs),
          redirect: 'error',
        })
        if (response.status >= 500) throw serviceUnavailable({ service: options.target })
        const { status: statusCode } = response
        const answer = parseBody(await readBounded(response, BODY_BYTES_MAX))
        const code = statusCode < 400 ? undefined : codeOf(answer)
        if (statusCode >= 400 && code === undefined) {
          throw serviceUnavailable({ service: options.target })
        }
        return { statusCode, body: answer as T, code }
      } catch (error) {
        if (error instanceof ServiceError) throw error
        throw serviceUnavailable({ service: options.target })
      }
    },
  }
}

/** A 204 has no body. */
const parseBody = (text: string): unknown => (text === '' ? undefined : JSON.parse(text))

/** Every refusal of a service of ours has a code; callers decide by it. */
const codeOf = (body: unknown): string | undefined =>
  typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string'
    ? body.code
    : undefined
