import { ACCESS_AUDIENCE } from '@auction/common/http/auth.ts'
import { createSigner } from 'fast-jwt'
import { v4 as uuidv4 } from 'uuid'
import type { KeyStore, SigningKey } from '#src/app/keys/key-store.ts'
import type { AuthenticationMethod } from '#src/domain/fresh-proof.ts'
import { ACCESS_TOKEN_LIFETIME_SECONDS } from '#src/domain/lifetimes.ts'

export interface TokenSubject {
  userId: string
  sessionId: string
  email: string
  name: string
  roles: readonly string[]
  /** When the person last proved who they are, and how. */
  authenticatedAt: Date
  methods: readonly AuthenticationMethod[]
}

export type AccessTokens = (subject: TokenSubject) => string

/** Signs access tokens with the newest active key (R-SES-1). */
export function createAccessTokens(keys: KeyStore, issuer: string): AccessTokens {
  let current: { kid: string; sign: ReturnType<typeof signerFor> } | undefined
  return (subject) => {
    const key = keys.signingKey()
    if (current?.kid !== key.kid) current = { kid: key.kid, sign: signerFor(key, issuer) }
    const { userId, sessionId, email, name, roles, authenticatedAt, methods } = subject
    return current.sign({
      sub: userId,
      sid: sessionId,
      jti: uuidv4(),
      email,
      name,
      roles,
      auth_time: Math.floor(authenticatedAt.getTime() / 1000),
      amr: methods,
    })
  }
}

function signerFor({ kid, privatePem }: SigningKey, issuer: string) {
  return createSigner({
    algorithm: 'EdDSA',
    key: privatePem,
    kid,
    iss: issuer,
    aud: ACCESS_AUDIENCE,
    expiresIn: ACCESS_TOKEN_LIFETIME_SECONDS * 1000,
  })
}
