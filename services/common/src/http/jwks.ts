import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { Logger } from '../process/logger.ts'
import { serviceUnavailable } from './errors.ts'
import { readBounded } from './read-bounded.ts'

export interface JwksCache {
  /** The PEM of a signing key. Throws service.unavailable when the keys cannot be fetched. */
  publicKey(kid: string | undefined): Promise<string>
}

export interface JwksOptions {
  /** Between two fetches at least. */
  refetchIntervalMs?: number
  /** Age at which known keys are fetched again. */
  refreshIntervalMs?: number
  fetchTimeoutMs?: number
}

const REFETCH_INTERVAL_MS = 10_000
const REFRESH_INTERVAL_MS = 60_000
const FETCH_TIMEOUT_MS = 2_000
const BODY_BYTES_MAX = 64 * 1024

/**
 * identity's public keys. An unknown key id causes at most one fetch in ten seconds, so forged
 * ids cannot turn a service into a load generator; known keys survive an outage of identity and
 * are fetched again every minute, so a key that was retired stops working.
 */
export function createJwksCache(url: string, log: Logger, options: JwksOptions = {}): JwksCache {
  const {
    refetchIntervalMs = REFETCH_INTERVAL_MS,
    refreshIntervalMs = REFRESH_INTERVAL_MS,
    fetchTimeoutMs = FETCH_TIMEOUT_MS,
  } = options
  let keys = new Map<string, string>()
  let fetchedAtMs = Number.NEGATIVE_INFINITY
  let succeededAtMs = Number.NEGATIVE_INFINITY
  let isFailing = false
  let pending: Promise<void> | undefined

  const refresh = async () => {
    fetchedAtMs = performance.now()
    try {
      keys = await fetchKeys(url, fetchTimeoutMs)
      succeededAtMs = performance.now()
      isFailing = false
    } catch (error) {
      isFailing = true
      log.warn({ err: error, url }, 'signing keys could not be fetched')
    }
  }
  const refreshOnce = () => {
    pending ??= refresh().finally(() => {
      pending = undefined
    })
    return pending
  }

  return {
    async publicKey(kid) {
      if (kid === undefined) throw new Error('the token names no signing key')
      const now = performance.now()
      const mayFetch = now - fetchedAtMs > refetchIntervalMs
      const known = keys.get(kid)
      if (known !== undefined) {
        const ageMs = now - succeededAtMs
        if (ageMs <= refreshIntervalMs) return known
        if (mayFetch) void refreshOnce()
        // A request does not wait for a refresh that is in time or in vain. Only keys that were not used for
        // a long while are waited for, or the first call after a quiet night could use a retired one.
        if (isFailing || ageMs <= 2 * refreshIntervalMs) return known
      }
      // Without any key nothing can be verified, so an outage at start is retried every time.
      if (pending !== undefined || keys.size === 0 || mayFetch) await refreshOnce()
      const key = keys.get(kid)
      if (key !== undefined) return key
      // While identity cannot be asked, this may be a key that it began to use a moment ago.
      if (isFailing) throw serviceUnavailable()
      throw new Error('unknown signing key')
    },
  }
}

async function fetchKeys(url: string, timeoutMs: number): Promise<Map<string, string>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' })
  if (!response.ok) throw new Error(`signing keys answered ${response.status}`)
  const body: unknown = JSON.parse(await readBounded(response, BODY_BYTES_MAX))
  const listed = typeof body === 'object' && body !== null && 'keys' in body ? body.keys : undefined
  if (!Array.isArray(listed)) throw new Error('signing keys answer has no list of keys')
  const keys = new Map<string, string>()
  for (const jwk of listed) {
    const pem = pemOf(jwk)
    if (pem !== undefined) keys.set(jwk.kid, pem)
  }
  if (keys.size === 0) throw new Error('no usable signing key was served')
  return keys
}

/** A key of a kind we know, else undefined: one unreadable key must not cost the others. */
function pemOf(jwk: Partial<JsonWebKey & { kid: unknown }> | null): string | undefined {
  if (jwk?.kty !== 'OKP' || jwk.crv !== 'Ed25519' || typeof jwk.kid !== 'string') return undefined
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    return key.export({ type: 'spki', format: 'pem' }).toString()
  } catch {
    return undefined
  }
}
