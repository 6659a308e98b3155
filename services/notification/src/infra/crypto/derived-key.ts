import { hkdfSync } from 'node:crypto'

/** A key for one purpose from a secret of the settings. */
export const deriveKey = (secret: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
