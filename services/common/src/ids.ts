import { createHash } from 'node:crypto'
import { v7 } from 'uuid'
import { createRandomPool } from './random-pool.ts'

/** An id as this platform writes it: a UUID in lower case. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const draw = createRandomPool(16)

/** The id that follows from a content, UUID version 8: the same content has the same one. */
export function contentId(content: string | Buffer): string {
  const hex = createHash('sha256').update(content).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** A new id, UUID version 7. */
export function newId(): string {
  return v7({ random: draw() })
}
