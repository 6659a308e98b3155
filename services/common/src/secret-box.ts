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
  /** Whether `open` has the key with that fingerprint: its own, or the other one during a change. */
  canOpen(keyId: string): boolean
  /** A key of its own for another purpose. */
  derive(purpose: string): Buffer
}

/**
 * Encrypts secrets at rest with a key that is never in the database. While that key is being
 * changed there are two: `seal` uses the first, `open` takes what either has sealed. `setting` is
 * where the key comes from, for the error when it is none.
 */
export function createSecretBox(
  keyBase64: string,
  otherKeyBase64 = '',
  setting = 'KEY_ENCRYPTION_KEY',
): SecretBox {
  const key = readKey(keyBase64, setting)
  const other = otherKeyBase64 === '' ? undefined : readKey(otherKeyBase64, `${setting}_OTHER`)
  const keyIds = [key, ...(other === undefined ? [] : [other])].map(fingerprint)
  return {
    keyId: fingerprint(key),
    canOpen: (keyId) => keyIds.includes(keyId),
    seal(secret, context) {
      const nonce = randomBytes(NONCE_LENGTH)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH })
      cipher.setAAD(Buffer.from(context))
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), text])
    },
    open(sealed, context) {
      if (other === undefined) return decrypt(key, sealed, context)
      try {
        return decrypt(key, sealed, context)
      } catch {
        // Either of the two may have sealed it, and only trying shows which.
        return decrypt(other, sealed, context)
      }
    },
    derive: (purpose) => Buffer.from(hkdfSync('sha256', key, '', purpose, 32)),
  }
}

function readKey(keyBase64: string, name: string): Buffer {
  const key = Buffer.from(keyBase64, 'base64')
  if (key.length !== 32) throw new Error(`${name} must be 32 bytes in base64`)
  return key
}

const fingerprint = (key: Buffer) =>
  createHash('sha256').update('key id\0').update(key).digest('hex').slice(0, 16)

function decrypt(key: Buffer, sealed: Buffer, context: string): string {
  const nonce = sealed.subarray(0, NONCE_LENGTH)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH })
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(sealed.subarray(NONCE_LENGTH, NONCE_LENGTH + TAG_LENGTH))
  const text = sealed.subarray(NONCE_LENGTH + TAG_LENGTH)
  return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8')
}
