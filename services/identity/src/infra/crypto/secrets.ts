import { createHash, createHmac, randomBytes } from 'node:crypto'

/** A new secret of 256 random bits: a refresh token, that of a mailed link, a device token … */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored instead of a secret. It is random, so it cannot be guessed from its digest. */
export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/**
 * The one successor of a refresh token, computed instead of stored: a client that lost the answer
 * gets the same one again, although only digests are kept.
 */
export function successorOf(refreshToken: string, key: Buffer): string {
  return createHmac('sha256', key).update(refreshToken).digest('base64url')
}
