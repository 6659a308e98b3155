import { createVerifier } from 'fast-jwt'

const BEARER = /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/
const HEADER_LENGTH_MAX = 4_096

/**
 * Reads who calls from the token of another service, where no HTTP route does it; undefined when the
 * token is not one made for `service`. The rules are those of `auth: 'service'`.
 */
export function createServiceTokenReader(
  service: string,
  secret: string,
): (authorization: string | undefined) => string | undefined {
  const verify = createVerifier({
    key: secret,
    algorithms: ['HS256'],
    allowedAud: `internal:${service}`,
    requiredClaims: ['exp', 'aud', 'sub'],
  })
  return (authorization) => {
    if (authorization === undefined || authorization.length > HEADER_LENGTH_MAX) return undefined
    const token = BEARER.exec(authorization)?.[1]
    if (token === undefined) return undefined
    try {
      const { sub } = verify(token) as { sub: unknown }
      return typeof sub === 'string' && sub !== '' ? sub : undefined
    } catch {
      return undefined
    }
  }
}
