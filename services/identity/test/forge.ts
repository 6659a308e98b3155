import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** Parts of a token before it is signed; tests bend them one at a time. */
export interface Parts {
  header: Record<string, unknown>
  claims: Record<string, unknown>
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Header and claims of a real token. */
export function decode(token: string): Parts {
  const [header = '', claims = ''] = token.split('.')
  const parse = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  return { header: parse(header), claims: parse(claims) }
}

/** A token signed with an Ed25519 key. */
export function signEdDsa({ header, claims }: Parts, key: KeyObject): string {
  const content = `${encode(header)}.${encode(claims)}`
  return `${content}.${sign(null, Buffer.from(content), key).toString('base64url')}`
}

/** A token whose signature is an HMAC over whatever the attacker knows. */
export function signHmac({ header, claims }: Parts, secret: string | Buffer): string {
  const content = `${encode(header)}.${encode(claims)}`
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`
}

/** A token with any signature text, also none. */
export function withSignature({ header, claims }: Parts, signature: string): string {
  return `${encode(header)}.${encode(claims)}.${signature}`
}

/** An attacker's own key pair. */
export function strangerKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { privateKey, jwk: publicKey.export({ format: 'jwk' }) }
}
