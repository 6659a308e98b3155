import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { serviceUnavailable } from './errors.ts'
import type { Logger } from './logger.ts'

export interface JwksCache {
  /** The PEM of a signing key. Throws service.unavailable when the keys cannot be fetched. */
  publicKey(kid: string | undefined): Promise<string>
}

const REFETCH_INTERVAL_MS = 10_000
const REFRESH_INTERVAL_MS = 300_000
const FETCH_TIMEOUT_MS = 2_000
const BODY_LENGTH_MAX = 64 * 1024

/**
 * identity's public keys. An unknown key id causes at most one fetch in ten seconds, so forged
 * ids cannot turn a service into a load generator; known keys survive an outage of identity and
 * are fetched anew every five minutes, so a retired key stops working.
 */
export function createJwksCache(url: string, log: Logger): JwksCache {
  let keys = new Map<string, string>()
  let fetchedAtMs = Number.NEGATIVE_INFINITY
  let succeededAtMs = Number.NEGATIVE_INFINITY
  let pending: Promise<void> | undefined

  const refresh = async () => {
    fetchedAtMs = performance.now()
    try {
      keys = await fetchKeys(url)
      succeededAtMs = performance.now()
    } catch (error) {
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
      const now = performance.now()
      const known = kid === undefined ? undefined : keys.get(kid)
      if (known !== undefined) {
        const isStale = now - succeededAtMs > REFRESH_INTERVAL_MS
        if (isStale && now - fetchedAtMs > REFETCH_INTERVAL_MS) void refreshOnce()
        return known
      }
      // Without any key nothing can be verified, so an outage at start is retried every time.
      const mayFetch = keys.size === 0 || now - fetchedAtMs > REFETCH_INTERVAL_MS
      if (pending !== undefined || mayFetch) await refreshOnce()
      if (keys.size === 0) throw serviceUnavailable()
      const key = kid === undefined ? undefined : keys.get(kid)
      if (key === undefined) throw new Error('unknown signing key')
      return key
    },
  }
}

async function fetchKeys(url: string): Promise<Map<string, string>> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    redirect: 'error',
  })
  if (!response.ok) throw new Error(`signing keys answered ${response.status}`)
  const text = await response.text()
  if (text.length > BODY_LENGTH_MAX) throw new Error('signing keys answer is too long')
  const body = JSON.parse(text) as { keys: (JsonWebKey & { kid?: string; alg?: string })[] }
  const keys = new Map<string, string>()
  for (const jwk of body.keys) {
    if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519' || jwk.kid === undefined) continue
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    keys.set(jwk.kid, key.export({ type: 'spki', format: 'pem' }).toString())
  }
  if (keys.size === 0) throw new Error('no usable signing key was served')
  return keys
}
