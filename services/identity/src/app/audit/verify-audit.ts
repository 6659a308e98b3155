import type { Kysely } from 'kysely'
import { AUDIT_GENESIS, digestAuditEntry } from '#src/infra/crypto/audit-digest.ts'
import { readAuditEntries, type StoredAuditEntry } from '#src/infra/postgres/audit/audit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** A place in the chain: how many entries there were, and the digest of the last one. */
export interface AuditHead {
  count: bigint
  digest: string
}

export interface AuditVerdict {
  /** Up to here the chain holds. */
  head: AuditHead
  /** The first thing that is wrong. */
  broken?: { sequence: bigint; reason: string }
}

const PAGE = 1_000

/**
 * Works the chain out again from its first entry, in one snapshot and a page at a time. A chain
 * whose end was cut off is whole in itself, which is why a head noted elsewhere is compared too.
 */
export async function verifyAudit(
  db: Kysely<Database>,
  noted: AuditHead | undefined = undefined,
  page = PAGE,
): Promise<AuditVerdict> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (tx) => {
      let count = 0n
      let digest = AUDIT_GENESIS
      const head = (): AuditHead => ({ count, digest: digest.toString('hex') })
      for (;;) {
        const entries = await readAuditEntries(tx, count, page)
        for (const entry of entries) {
          const reason = whatIsWrong(entry, count, digest, noted)
          if (reason !== undefined) {
            return { head: head(), broken: { sequence: count + 1n, reason } }
          }
          count = entry.sequence
          digest = entry.digest
        }
        if (entries.length === page) continue
        const isCut = noted !== undefined && noted.count > count
        const reason = `the chain ends here, but had ${noted?.count ?? 0n} entries once`
        return isCut ? { head: head(), broken: { sequence: count + 1n, reason } } : { head: head() }
      }
    })
}

function whatIsWrong(
  entry: StoredAuditEntry,
  count: bigint,
  previousDigest: Buffer,
  noted: AuditHead | undefined,
): string | undefined {
  if (entry.sequence !== count + 1n) return `missing; the next entry is ${entry.sequence}`
  if (!entry.previousDigest.equals(previousDigest)) return 'does not follow the entry before it'
  const { digest, isInstantWhole } = entry
  if (!isInstantWhole || !digestAuditEntry(previousDigest, entry).equals(digest)) {
    return 'differs from its digest'
  }
  if (noted?.count === entry.sequence && noted.digest !== digest.toString('hex')) {
    return 'is not the entry that was noted'
  }
  return undefined
}
