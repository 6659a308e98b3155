import { createHash } from 'node:crypto'

/** The digest before the first seal. */
export const LEDGER_GENESIS: Buffer = Buffer.alloc(32)

/** An entry as it is stored. */
export interface StoredEntry {
  id: bigint
  key: string
  kind: string
  orderId: string | null
  paymentId: string | null
  postedAt: Date
  /** Account, currency and amount of each posting, in their order. */
  postings: readonly (readonly [account: string, currencyCode: string, amount: string])[]
}

/** Chains an entry to the one sealed before it: SHA-256 over the previous digest and everything in the entry. */
export function digestEntry(previousDigest: Buffer, sequence: bigint, entry: StoredEntry): Buffer {
  const fields = [
    sequence.toString(),
    entry.id.toString(),
    entry.key,
    entry.kind,
    entry.orderId,
    entry.paymentId,
    entry.postedAt.toISOString(),
    entry.postings,
  ]
  return createHash('sha256').update(previousDigest).update(JSON.stringify(fields)).digest()
}
