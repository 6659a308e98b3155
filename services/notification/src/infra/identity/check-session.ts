/** What identity says of a session; `unknown` when it gave no answer that can be believed. */
export type SessionVerdict = 'good' | 'ended' | 'unknown'

const TIMEOUT_MS = 5_000

/** Asks identity as the gateway does: is this access token good at this moment? */
export function createSessionCheck(
  identityUrl: string,
): (token: string) => Promise<SessionVerdict> {
  const url = new URL('/identity/validate', identityUrl)
  return async (token) => {
    try {
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        redirect: 'error',
      })
      await response.arrayBuffer()
      if (response.status === 200) return 'good'
      return response.status === 401 || response.status === 403 ? 'ended' : 'unknown'
    } catch {
      return 'unknown'
    }
  }
}
