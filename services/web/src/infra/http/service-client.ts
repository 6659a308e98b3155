import { readBounded } from '@auction/common/http/read-bounded.ts'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { createRetryBudget, type RetryBudget } from '#src/domain/retry-budget.ts'

/** A bid may wait two seconds to be decided; giving up earlier would leave the bidder in doubt. */
const SEND_TIMEOUT_MS = 5_000
const BODY_BYTES_MAX = 2 * 1024 * 1024

/** A service behind this one did not give a usable answer. */
export class UpstreamError extends Error {
  override readonly name: string = 'UpstreamError'
}

/** The service could not be reached, broke off or did not answer in time: another replica may answer. */
class UnreachedError extends UpstreamError {
  override readonly name = 'UnreachedError'
}

/** The session ended after the gateway looked, or the page was opened without one. */
export class LoginNeededError extends Error {
  override readonly name = 'LoginNeededError'
}

export interface SendOptions {
  authorization?: string | undefined
  body?: object
  idempotencyKey?: string
}

export interface ServiceAnswer {
  status: number
  body: Record<string, unknown>
}

/** What was asked for, or why it cannot be. */
export type Refusable<T> =
  | { ok: true; body: T }
  | { ok: false; status: number; refusal: Record<string, unknown> }

export interface ServiceClient {
  /** Undefined when there is no such thing, or the caller may not see it. */
  read<S extends TSchema>(
    path: string,
    schema: S,
    authorization?: string | undefined,
  ): Promise<Static<S> | undefined>
  /** For what a reader asks in their own words: what cannot be found has a reason. */
  find<S extends TSchema>(
    path: string,
    schema: S,
    authorization?: string | undefined,
  ): Promise<Refusable<Static<S>>>
  /** Refusals are answers as well; only an absent or failing service throws. */
  send(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    options: SendOptions,
  ): Promise<ServiceAnswer>
}

/** One service, called directly and not through the gateway. */
export function createServiceClient(baseUrl: string, readTimeoutMs: number): ServiceClient {
  const budget = createRetryBudget()
  const readTwice = (path: string, headers: Record<string, string>) =>
    askTwice(() => ask(new URL(path, baseUrl), readTimeoutMs, { headers }), budget)
  return {
    async read(path, schema, authorization) {
      const { status, body } = await readTwice(path, headersOf({ authorization }))
      if (status === 401) throw new LoginNeededError(`${path} needs a session`)
      if (status === 404 || status === 403) return undefined
      if (status !== 200) throw new UpstreamError(`${path} answered ${status}`)
      // An unexpected shape must become the page that apologises, not "undefined" on the screen.
      if (!Value.Check(schema, body)) throw new UpstreamError(`${path} answered another shape`)
      return body
    },
    async find(path, schema, authorization) {
      const { status, body } = await readTwice(path, headersOf({ authorization }))
      if (status === 401) throw new LoginNeededError(`${path} needs a session`)
      if ((status === 400 || status === 422) && typeof body.code === 'string') {
        return { ok: false, status, refusal: body }
      }
      if (status !== 200) throw new UpstreamError(`${path} answered ${status}`)
      if (!Value.Check(schema, body)) throw new UpstreamError(`${path} answered another shape`)
      return { ok: true, body }
    },
    async send(method, path, options) {
      const { body } = options
      const answer = await ask(new URL(path, baseUrl), SEND_TIMEOUT_MS, {
        method,
        headers: headersOf(options),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      if (answer.status === 401) throw new LoginNeededError(`${path} needs a session`)
      const isRefusal = answer.status >= 400 && typeof answer.body.code === 'string'
      if (answer.status >= 300 && !isRefusal) {
        throw new UpstreamError(`${path} answered ${answer.status}`)
      }
      return answer
    },
  }
}

/**
 * Asks again when a replica was gone, was leaving or did not answer in time: another one may answer. A page
 * then needs no reload while the pods of a service are replaced.
 */
async function askTwice(
  request: () => Promise<ServiceAnswer>,
  budget: RetryBudget,
): Promise<ServiceAnswer> {
  budget.sent()
  try {
    const answer = await request()
    if (!IS_AWAY.has(answer.status) || !budget.mayRetry()) return answer
  } catch (error) {
    if (!(error instanceof UnreachedError && budget.mayRetry())) throw error
  }
  return request()
}

/** Bad gateway, unavailable and gateway timeout: the replica, or the way to it, is gone. */
const IS_AWAY = new Set([502, 503, 504])

/** For a part that a page can do without: 'away' instead of an error. */
export async function orAway<T>(reading: Promise<T>): Promise<T | 'away'> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof UpstreamError) return 'away'
    throw error
  }
}

function headersOf({ authorization, body, idempotencyKey }: SendOptions): Record<string, string> {
  return {
    accept: 'application/json',
    ...(authorization === undefined ? {} : { authorization }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
  }
}

/** One request; an absent service, and an answer that cannot be read, throw `UpstreamError`. */
export async function ask(url: URL, timeoutMs: number, init: RequestInit): Promise<ServiceAnswer> {
  const { status, contentType, text } = await fetchText(url, timeoutMs, init)
  const isJson = contentType?.startsWith('application/json') === true && text !== ''
  try {
    return { status, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} }
  } catch (error) {
    throw new UpstreamError(`${url.pathname} answered what cannot be read`, { cause: error })
  }
}

async function fetchText(url: URL, timeoutMs: number, init: RequestInit) {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetch(url, { ...init, redirect: 'error', signal })
    const text = await readBounded(response, BODY_BYTES_MAX)
    return { status: response.status, contentType: response.headers.get('content-type'), text }
  } catch (error) {
    throw new UnreachedError(`${url.pathname} could not be asked`, { cause: error })
  }
}
