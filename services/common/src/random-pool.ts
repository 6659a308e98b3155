import { randomFillSync } from 'node:crypto'

const DRAWS = 256

/**
 * Random bytes, `size` at a call, valid until the 256th call after. They are drawn in bulk: each
 * draw costs microseconds, which was the largest single cost of a bid after the network.
 */
export function createRandomPool(size: number): () => Buffer {
  const bytes = Buffer.alloc(size * DRAWS)
  let next = bytes.length
  return () => {
    if (next >= bytes.length) {
      randomFillSync(bytes)
      next = 0
    }
    next += size
    return bytes.subarray(next - size, next)
  }
}
