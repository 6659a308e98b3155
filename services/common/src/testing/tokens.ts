import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createSigner } from 'fast-jwt'
import { ACCESS_AUDIENCE } from '../http/auth.ts'
import type { JwksCache } from '../http/jwks.ts'

export interface TestIdentity {
  issuer: string
  jwks: JwksCache
  /** The same key as identity publishes it, for a test that serves it over HTTP. */
  publicJwk: Record<string, unknown>
  internalSecret: string
  /** An access token as identity would sign it; `claims` replace or add. */
  token(userId: string, claims?: Record<string, unknown>): string
  /** A token of one service for another. */
  serviceToken(target: string): string
}

/** Signs tokens with a key of its own, in the place of the identity service. */
export function createTestIdentity(): TestIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const kid = 'test-key'
  const issuer = 'auction-identity'
  const internalSecret = 'a secret that only this test run knows about'
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const sign = createSigner({
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    algorithm: 'EdDSA',
    kid,
  })
  const signInternal = createSigner({ key: internalSecret, algorithm: 'HS256', expiresIn: 30_000 })
  return {
    issuer,
    internalSecret,
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'EdDSA' },
    jwks: {
      async publicKey(asked) {
        if (asked !== kid) throw new Error('unknown signing key')
        return publicPem
      },
    },
    token: (userId, claims = {}) =>
      sign({
        sub: userId,
        sid: randomUUID(),
        iss: issuer,
        aud: ACCESS_AUDIENCE,
        name: 'Test Person',
        email: 'person@example.test',
        roles: ['user'],
        exp: Math.floor(Date.now() / 1000) + 600,
        ...claims,
      }),
    serviceToken: (target) => signInternal({ sub: 'test', aud: `internal:${target}` }),
  }
}
