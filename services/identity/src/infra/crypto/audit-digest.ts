import { createHash } from 'node:crypto'
import type { AuditEntry } from '#src/domain/audit.ts'

/** The digest before the first entry. */
export const AUDIT_GENESIS: Buffer = Buffer.alloc(32)

/** Chains an entry to the one before it: SHA-256 over the previous digest and every field. */
export function digestAuditEntry(previousDigest: Buffer, entry: AuditEntry): Buffer {
  const details = Object.entries(entry.details).sort(([a], [b]) => (a < b ? -1 : 1))
  const fields = [
    entry.sequence.toString(),
    entry.recordedAt.toISOString(),
    entry.action,
    entry.actorId,
    entry.subjectId,
    details,
  ]
  return createHash('sha256').update(previousDigest).update(JSON.stringify(fields)).digest()
}
