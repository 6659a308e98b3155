import type { Kysely } from 'kysely'
import { normaliseEmail } from '#src/domain/email.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import { endDeletionWait } from '#src/infra/postgres/leaving/deletions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lockAccounts, readCredentials } from '#src/infra/postgres/users/users.ts'

export type Hastening = 'hastened' | 'not_closed' | 'unknown'

/**
 * Makes the deletion of a closed account due now, from the console: its owner may demand that by law, and can no
 * longer log in to do so. The worker still asks what the owner owes. An account that is not closed stays.
 */
export async function hastenDeletion(db: Kysely<Database>, email: string): Promise<Hastening> {
  const emailNormalised = normaliseEmail(email)
  if (emailNormalised === undefined) return 'unknown'
  const found = await readCredentials(db, emailNormalised)
  if (found === undefined) return 'unknown'
  return db.transaction().execute(async (tx) => {
    const [account] = await lockAccounts(tx, [found.id])
    if (account === undefined || account.status === 'deleted') return 'unknown'
    if (account.status !== 'deleting' || !(await endDeletionWait(tx, account.id)))
      return 'not_closed'
    await recordAudit(tx, {
      action: 'user.deletion_hastened',
      actorId: null,
      subjectId: account.id,
      details: {},
    })
    return 'hastened'
  })
}
