import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

const NONCE_LENGTH = 12
const TAG_LENGTH = 16

export interface SecretBox {
  /** Fingerprint of the key, safe to store beside what it encrypted. */
  readonly keyId: string
  /** AES-256-GCM; `context` must be the same to open, so a secret cannot be moved elsewhere. */
  seal(secret: string, context: string): Buffer
  /** Throws when the key, the context or a byte differs. */
  open(sealed: Buffer, context: string): string
  /** A key of its own for another purpose. */
  derive(purpose: string): Buffer
}

/** Encrypts secrets at rest with a key that is never in the database. */
export function createSecretBox(keyBase64: string): SecretBox {
  const key = Buffer.from(keyBase64, 'base64')
  if (key.length !== 32) throw new Error('KEY_ENCRYPTION_KEY must be 32 bytes in base64')
  return {
    keyId: createHash('sha256').update('key id\0').update(key).digest('hex').slice(0, 16),
    seal(secret, context) {
      const nonce = randomBytes(NONCE_LENGTH)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH })
      cipher.setAAD(Buffer.from(context))
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), text])
    },
    open(sealed, context) {
      const nonce = sealed.subarray(0, NONCE_LENGTH)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH })
      decipher.setAAD(Buffer.from(context))
      decipher.setAuthTag(sealed.subarray(NONCE_LENGTH, NONCE_LENGTH + TAG_LENGTH))
      const text = sealed.subarray(NONCE_LENGTH + TAG_LENGTH)
      return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8')
    },
    derive: (purpose) => Buffer.from(hkdfSync('sha256', key, '', purpose, 32)),
  }
}
