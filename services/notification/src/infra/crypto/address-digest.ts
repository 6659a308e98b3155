import { createHash } from 'node:crypto'

const BYTES = 16

/** Under which an address is suppressed. Who knows the address can compute it, and no one can go back. */
export function addressDigest(address: string): Buffer {
  const text = address.trim().normalize('NFC').toLowerCase()
  return createHash('sha256').update(text).digest().subarray(0, BYTES)
}
