import { bearerOf, serviceTokenRules } from '@auction/common/http/auth.ts'
import { createVerifier } from 'fast-jwt'

/**
 * Reads the calling service from its token, for calls that are no HTTP routes; undefined when the
 * token was not made for `service`. The rules are those of `auth: 'service'`.
 */
export function createServiceTokenReader(
  service: string,
  secret: string,
): (authorization: string | undefined) => string | undefined {
  const verify = createVerifier({ key: secret, ...serviceTokenRules(service) })
  return (authorization) => {
    const token = bearerOf(authorization)
    if (token === undefined) return undefined
    try {
      const { sub } = verify(token) as { sub: unknown }
      return typeof sub === 'string' && sub !== '' ? sub : undefined
    } catch {
      return undefined
    }
  }
}
