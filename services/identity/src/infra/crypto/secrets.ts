import { createHash, createHmac, randomBytes } from 'node:crypto'

/** A new refresh token: 256 random bits. */
export function createRefreshToken(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a refresh token. It is random, so a plain digest cannot be guessed back. */
export function digestOf(refreshToken: string): Buffer {
  return createHash('sha256').update(refreshToken).digest()
}

/**
 * The one successor of a refresh token, computed instead of stored: a client that lost the answer
 * gets the same one again, although only digests are kept.
 */
export function successorOf(refreshToken: string, key: Buffer): string {
  return createHmac('sha256', key).update(refreshToken).digest('base64url')
}
