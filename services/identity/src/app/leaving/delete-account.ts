import type { Obligation } from '@auction/common/contracts/obligations.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import type { Mails } from '#src/app/mails/mails.ts'
import { actorAmong } from '#src/app/users/actor.ts'
import { isLastAdmin } from '#src/domain/operators.ts'
import { isAdmin } from '#src/domain/roles.ts'
import { identityErrors } from '#src/errors.ts'
import { digestOf, randomSecret } from '#src/infra/crypto/secrets.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import { insertDeletion } from '#src/infra/postgres/leaving/deletions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type LiveSession, revokeSessionsOfUser } from '#src/infra/postgres/sessions/sessions.ts'
import { lockWithAdmins, setStatus } from '#src/infra/postgres/users/users.ts'
import type { ObligationCheck } from './obligations.ts'

export interface DeletionDependencies {
  db: Kysely<Database>
  mails: Mails
  obligationsOf: ObligationCheck
}

export interface DeletionRequestDependencies extends DeletionDependencies {
  /** How long a closed account can be kept. */
  deletionDays: number
}

/**
 * Closes the account of a user who proved who they are and has no obligations. It cannot be used
 * from now on. The worker asks the others again when what was under way has ended, and forgets the person
 * when the days are over (finish-deletions.ts) in which they can keep the account (withdraw-deletion.ts).
 * Answers when that is.
 */
export async function requestDeletion(
  { db, mails, obligationsOf, deletionDays: days }: DeletionRequestDependencies,
  session: LiveSession,
  trace: Trace,
): Promise<Date> {
  // Checked first: an admin who sells gets both reasons one after the other.
  refuseObligations(await obligationsOf(session.id, trace))
  return outboxTransaction(db, async (tx) => {
    const { email: to, name, id: userId } = await lockLeaver(tx, session)
    await setStatus(tx, userId, 'deleting')
    await revokeSessionsOfUser(tx, userId, 'deleted')
    const secret = randomSecret()
    const expiresAt = await insertDeletion(tx, { userId, digest: digestOf(secret), days }, trace)
    // Without days the mail is read when the minute is over: it would promise what can no longer be done.
    const mail =
      days === 0
        ? { template: 'account_deletion_soon' as const }
        : {
            template: 'account_deletion_asked' as const,
            link: { path: '/account/keep', secret, expiresAt },
          }
    await writeOutbox(tx, [mails.request({ ...mail, to, name, userId }, trace)])
    await recordAudit(tx, {
      action: 'user.deletion_asked',
      actorId: userId,
      subjectId: userId,
      details: {},
    })
    return expiresAt
  })
}

function refuseObligations(obligations: readonly Obligation[]): void {
  if (obligations.length === 0) return
  throw identityErrors.hasObligations({ obligations })
}

/** The account, locked with those of all admins: the last one who can log in stays. */
async function lockLeaver(tx: Transaction<Database>, session: LiveSession) {
  const accounts = await lockWithAdmins(tx, [session.id])
  const account = await actorAmong(tx, accounts, session)
  if (isAdmin(account.roles) && isLastAdmin(accounts, account.id)) throw identityErrors.lastAdmin()
  return account
}
