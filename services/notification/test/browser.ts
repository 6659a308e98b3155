import { createECDH, randomBytes } from 'node:crypto'
import { decrypt } from 'http_ece'

export interface Browser {
  keys: { p256dh: string; auth: string }
  /** What a message says to this browser. */
  read(body: Buffer): Record<string, string>
}

/** A browser that subscribed: only it can read what is sent to it. */
export function createBrowser(): Browser {
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  const secret = randomBytes(16)
  return {
    keys: {
      p256dh: pair.getPublicKey().toString('base64url'),
      auth: secret.toString('base64url'),
    },
    read: (body) =>
      JSON.parse(
        decrypt(body, {
          version: 'aes128gcm',
          privateKey: pair,
          authSecret: secret.toString('base64url'),
        }).toString('utf8'),
      ),
  }
}
