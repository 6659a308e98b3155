import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'

export interface PublicJwk {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  kid: string
  use: 'sig'
  alg: 'EdDSA'
}

export interface NewSigningKey {
  publicJwk: PublicJwk
  privatePem: string
}

/** A new Ed25519 pair; the kid is its RFC 7638 thumbprint, so equal ids mean equal keys. */
export function generateSigningKey(): NewSigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x } = publicKey.export({ format: 'jwk' })
  if (x === undefined) throw new Error('an Ed25519 key has no x')
  const kid = createHash('sha256')
    .update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }))
    .digest('base64url')
  return {
    publicJwk: { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' },
    privatePem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  }
}

/** The PEM of a public key as the verifier wants it. */
export function publicPem(jwk: PublicJwk): string {
  const { kty, crv, x } = jwk
  const key = createPublicKey({ key: { kty, crv, x }, format: 'jwk' })
  return key.export({ format: 'pem', type: 'spki' }).toString()
}
