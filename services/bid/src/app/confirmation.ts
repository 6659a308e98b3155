import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** What a confirmation is bound to: it is not valid for another bid, nor for this one at another price. */
export interface Confirmed {
  itemId: string
  bidderId: string
  maxAmount: bigint
  /** The price the bidder saw: the current one, or the start price. */
  price: bigint
}

export interface Confirmations {
  /** A token good for two minutes from `nowMs` (epoch milliseconds of the database). */
  issue(confirmed: Confirmed, nowMs: number): string
  isValid(token: string, confirmed: Confirmed, nowMs: number): boolean
}

const LIFETIME_MS = 120_000
const TOKEN = /^([0-9a-z]{1,12})\.([A-Za-z0-9_-]{43})$/

/** Signed confirmations of unusually high maxima (R-BID-9). Every replica shares the key. */
export function createConfirmations(secret: string): Confirmations {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'bid confirmation', 32))
  const sign = (confirmed: Confirmed, expiresAtMs: number) =>
    createHmac('sha256', key)
      .update(
        `${confirmed.itemId}\n${confirmed.bidderId}\n${confirmed.maxAmount}\n${confirmed.price}\n${expiresAtMs}`,
      )
      .digest()
  return {
    issue(confirmed, nowMs) {
      const expiresAtMs = Math.round(nowMs) + LIFETIME_MS
      return `${expiresAtMs.toString(36)}.${sign(confirmed, expiresAtMs).toString('base64url')}`
    },
    isValid(token, confirmed, nowMs) {
      const match = TOKEN.exec(token)
      if (match?.[1] === undefined || match[2] === undefined) return false
      const expiresAtMs = Number.parseInt(match[1], 36)
      if (nowMs >= expiresAtMs) return false
      const signature = Buffer.from(match[2], 'base64url')
      const expected = sign(confirmed, expiresAtMs)
      return signature.length === expected.length && timingSafeEqual(signature, expected)
    },
  }
}
