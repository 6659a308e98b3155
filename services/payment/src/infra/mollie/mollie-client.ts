import { setTimeout as wait } from 'node:timers/promises'
import { ProviderError, TOO_MANY } from '#src/domain/provider.ts'

export interface MollieClientOptions {
  apiKey: string
  /** Absent: Mollie itself. */
  apiUrl?: string
  timeoutMs?: number
}

export interface MollieClient {
  get<T>(path: string): Promise<T>
  /** The same key has its effect once; Mollie remembers keys for an hour. */
  post<T>(path: string, body: object, key: string): Promise<T>
  delete(path: string, key: string): Promise<void>
}

const MOLLIE_URL = 'https://api.mollie.com'
const TIMEOUT_MS = 10_000
// Each has the key of the first, so however many arrive, one has an effect.
const TRIES_MAX = 3
const RETRY_MS = 200

interface Request {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  key?: string
  body?: object
}

/**
 * Asks Mollie's API. Its own package speaks https only, and to no other certificates than it brings, so it could
 * be tried against nothing of ours.
 */
export function createMollieClient(options: MollieClientOptions): MollieClient {
  const ask = <T>(request: Request) => askAgain<T>(options, request)
  return {
    get: (path) => ask({ method: 'GET', path }),
    post: (path, body, key) => ask({ method: 'POST', path, body, key }),
    delete: async (path, key) => {
      await ask({ method: 'DELETE', path, key })
    },
  }
}

async function askAgain<T>(options: MollieClientOptions, request: Request): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await askOnce<T>(options, request)
    } catch (error) {
      const isUnclear = error instanceof ProviderError && error.problem === 'unclear'
      if (!isUnclear || count >= TRIES_MAX) throw error
      await wait(RETRY_MS * 2 ** (count - 1))
    }
  }
}

async function askOnce<T>(
  { apiKey, apiUrl = MOLLIE_URL, timeoutMs = TIMEOUT_MS }: MollieClientOptions,
  { method, path, key, body }: Request,
): Promise<T> {
  const { response, text } = await answered(async () => {
    const response = await fetch(new URL(path, apiUrl), {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        accept: 'application/hal+json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // The key belongs to this address alone.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { response, text: await response.text() }
  })
  if (!response.ok) throw refusalOf(response.status, text)
  return (text === '' ? undefined : parse(text)) as T
}

/** What was sent may have arrived, whatever became of the answer. */
async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new ProviderError(
      'unclear',
      'no_answer',
      error instanceof Error ? error.message : 'no answer',
    )
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ProviderError('unclear', 'unreadable_answer', 'the answer is no JSON')
  }
}

// 401 and 403: our key, not the payment. 409: a request with the same key is under way. 429: too many.
const UNCLEAR_STATUSES = [401, 403, 409, 429]

function refusalOf(status: number, text: string): ProviderError {
  const isRefused = status >= 400 && status < 500 && !UNCLEAR_STATUSES.includes(status)
  const { field, title, detail } = errorIn(text)
  const word = field ?? title ?? `status_${status}`
  const code = status === 429 ? TOO_MANY : word.toLowerCase().replace(/[^a-z0-9]+/g, '_')
  return new ProviderError(isRefused ? 'refused' : 'unclear', code, detail ?? `status ${status}`)
}

interface ErrorBody {
  field?: string
  title?: string
  detail?: string
}

function errorIn(text: string): ErrorBody {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body !== 'object' || body === null) return {}
    const given = body as Record<string, unknown>
    const textIn = (name: keyof ErrorBody) => {
      const value = given[name]
      return typeof value === 'string' && value !== '' ? { [name]: value } : {}
    }
    return { ...textIn('field'), ...textIn('title'), ...textIn('detail') }
  } catch {
    return {}
  }
}
