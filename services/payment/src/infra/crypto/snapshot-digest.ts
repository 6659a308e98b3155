import { createHash } from 'node:crypto'

/** SHA-256 of what an invoice says, or of its document. */
export const sha256 = (content: string | Buffer): Buffer =>
  createHash('sha256').update(content).digest()
