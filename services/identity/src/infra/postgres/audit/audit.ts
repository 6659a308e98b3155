import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { AuditEntry } from '#src/domain/audit.ts'
import { AUDIT_GENESIS, digestAuditEntry } from '#src/infra/crypto/audit-digest.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export type NewAuditEntry = Omit<AuditEntry, 'sequence' | 'recordedAt'>

/**
 * Adds an entry to the chain, in the transaction of the act itself. Appending is serialised until
 * the commit, so record last; only sensitive acts are recorded, never reads or plain logins.
 */
export async function recordAudit(tx: Transaction<Database>, entry: NewAuditEntry): Promise<void> {
  await sql`select pg_advisory_xact_lock(${ADVISORY_LOCKS.auditChain})`.execute(tx)
  const last = await tx
    .selectFrom('audit_entries')
    .select(['sequence', 'digest'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
  const previousDigest = last?.digest ?? AUDIT_GENESIS
  const whole = {
    ...entry,
    sequence: (last?.sequence ?? 0n) + 1n,
    // A Date keeps whole milliseconds, so the stored instant is the digested one.
    recordedAt: await readClock(tx),
  }
  await tx
    .insertInto('audit_entries')
    .values({
      sequence: whole.sequence,
      recorded_at: whole.recordedAt,
      action: whole.action,
      actor_id: whole.actorId,
      subject_id: whole.subjectId,
      details: JSON.stringify(whole.details),
      previous_digest: previousDigest,
      digest: digestAuditEntry(previousDigest, whole),
    })
    .execute()
}

export interface StoredAuditEntry extends AuditEntry {
  previousDigest: Buffer
  digest: Buffer
  /** Nothing below a millisecond is digested, so nothing may be there. */
  isInstantWhole: boolean
}

/** The entries that follow a sequence, in order. */
export async function readAuditEntries(
  db: Kysely<Database>,
  afterSequence: bigint,
  limit: number,
): Promise<StoredAuditEntry[]> {
  return db
    .selectFrom('audit_entries')
    .select([
      'sequence',
      'recorded_at as recordedAt',
      'action',
      'actor_id as actorId',
      'subject_id as subjectId',
      'details',
      'previous_digest as previousDigest',
      'digest',
      sql<boolean>`recorded_at = date_trunc('milliseconds', recorded_at)`.as('isInstantWhole'),
    ])
    .where('sequence', '>', afterSequence)
    .orderBy('sequence')
    .limit(limit)
    .execute()
}
