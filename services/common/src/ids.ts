import { v7 } from 'uuid'
import { createRandomPool } from './random-pool.ts'

/** An id as this platform writes it: a UUID in lower case. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const draw = createRandomPool(16)

/** A new id, UUID version 7. */
export function newId(): string {
  return v7({ random: draw() })
}
