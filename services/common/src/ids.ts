import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

const ID_BYTES = 16
const pool = new Uint8Array(ID_BYTES * 256)
let next = pool.length

/**
 * A new id, UUID version 7. Its random bytes are drawn in bulk: drawing them one id at a time was
 * the largest single cost of a bid in this process after the network.
 */
export function newId(): string {
  if (next >= pool.length) {
    randomFillSync(pool)
    next = 0
  }
  const random = pool.subarray(next, next + ID_BYTES)
  next += ID_BYTES
  return v7({ random })
}
