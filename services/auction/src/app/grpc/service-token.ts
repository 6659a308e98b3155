import { bearerOf, serviceTokenRules } from '@auction/common/http/auth.ts'
import { createVerifier } from 'fast-jwt'

/**
 * Reads who calls from the token of another service, where no HTTP route does it; undefined when the
 * token is not one made for `service`. The rules are those of `auth: 'service'`.
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
