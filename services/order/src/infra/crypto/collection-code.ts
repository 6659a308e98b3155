import { createHmac, randomInt, timingSafeEqual } from 'node:crypto'

const DIGITS = 6

/** A code that a buyer can read out: six digits. */
export const newCollectionCode = () => String(randomInt(10 ** DIGITS)).padStart(DIGITS, '0')

/** What is stored of a code. Without the key a million tries would find it. */
export const codeDigest = (key: Buffer, orderId: string, code: string) =>
  createHmac('sha256', key).update(`${orderId} ${code}`).digest()

export const isSameDigest = (one: Buffer, other: Buffer) =>
  one.length === other.length && timingSafeEqual(one, other)
