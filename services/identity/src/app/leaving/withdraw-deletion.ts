import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { trimText } from '@auction/common/text.ts'
import type { Kysely } from 'kysely'
import type { Mails } from '#src/app/mails/mails.ts'
import { identityErrors } from '#src/errors.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import { deleteDeletion, readLinkedDeletion } from '#src/infra/postgres/leaving/deletions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  lockAccounts,
  readPasswordHash,
  recordOwnership,
  setStatus,
} from '#src/infra/postgres/users/users.ts'

export interface WithdrawalDependencies {
  db: Kysely<Database>
  mails: Mails
}

/** Keeps the account whose owner follows the link that was mailed when it was closed. */
export async function withdrawByLink(
  deps: WithdrawalDependencies,
  token: string,
  trace: Trace,
): Promise<void> {
  const digest = digestOf(trimText(token))
  const userId = await readLinkedDeletion(deps.db, digest)
  const isKept = userId !== undefined && (await withdrawDeletion(deps, { userId, digest }, trace))
  if (!isKept) throw identityErrors.invalidLink()
}

/** What allows to keep an account: the link of its deletion, or the password as it was verified. */
type Proof = { digest: Buffer } | { passwordHash: string }

/**
 * Opens a closed account again; false when nothing waits to be deleted, with another link, or when the password is
 * another one by now. No other service was notified of the closing, and so none is of this. The sessions of before
 * stay ended.
 */
export async function withdrawDeletion(
  { db, mails }: WithdrawalDependencies,
  { userId, ...proof }: { userId: string } & Proof,
  trace: Trace,
): Promise<boolean> {
  return outboxTransaction(db, async (tx) => {
    // The worker that erases takes the same lock and looks again under it: one of the two happens.
    const [account] = await lockAccounts(tx, [userId])
    if (account?.status !== 'deleting') return false
    if ('passwordHash' in proof && (await readPasswordHash(tx, userId)) !== proof.passwordHash)
      return false
    const digest = 'digest' in proof ? proof.digest : undefined
    if (!(await deleteDeletion(tx, userId, digest))) return false
    await setStatus(tx, userId, 'active')
    // The link came to the address of the owner: wrong passwords of before no longer count against them.
    if (digest !== undefined) await recordOwnership(tx, userId)
    const { email: to, name } = account
    const mail = { template: 'account_deletion_withdrawn', to, name, userId } as const
    await writeOutbox(tx, [mails.request(mail, trace)])
    await recordAudit(tx, {
      action: 'user.deletion_withdrawn',
      actorId: userId,
      subjectId: userId,
      details: {},
    })
    return true
  })
}
