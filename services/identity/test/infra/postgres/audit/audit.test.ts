import { sql } from 'kysely'
import t from 'tap'
import { AUDIT_GENESIS, digestAuditEntry } from '#src/infra/crypto/audit-digest.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import { createIdentityDatabase } from '#test/helper.ts'

const SUBJECT = '0198d2f0-0000-7000-8000-000000000001'

t.test('parallel acts are chained one after the other without a gap', async (t) => {
  const { db } = await createIdentityDatabase(t)
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      db.transaction().execute((tx) =>
        recordAudit(tx, {
          action: 'password.changed',
          actorId: SUBJECT,
          subjectId: SUBJECT,
          details: { try: String(index), because: 'a test' },
        }),
      ),
    ),
  )
  const rows = await db.selectFrom('audit_entries').selectAll().orderBy('sequence').execute()
  t.strictSame(
    rows.map((row) => Number(row.sequence)),
    Array.from({ length: 20 }, (_, index) => index + 1),
  )
  let previous = AUDIT_GENESIS
  for (const row of rows) {
    const { action, details } = row
    const entry = {
      action,
      details,
      sequence: BigInt(row.sequence),
      recordedAt: row.recorded_at,
      actorId: row.actor_id,
      subjectId: row.subject_id,
    }
    t.ok(row.previous_digest.equals(previous))
    t.ok(row.digest.equals(digestAuditEntry(previous, entry)))
    previous = row.digest
  }
})

t.test('an entry can neither be changed nor deleted', async (t) => {
  const { db } = await createIdentityDatabase(t)
  await db
    .transaction()
    .execute((tx) =>
      recordAudit(tx, { action: 'user.suspended', actorId: null, subjectId: SUBJECT, details: {} }),
    )
  await t.rejects(db.deleteFrom('audit_entries').execute(), { code: '42501' })
  await t.rejects(db.updateTable('audit_entries').set({ actor_id: SUBJECT }).execute(), {
    code: '42501',
  })
  await t.rejects(sql`truncate audit_entries`.execute(db), { code: '42501' })
})
