import { createEvent } from '@auction/common/contracts/event.ts'
import { userSuspended } from '@auction/common/contracts/identity.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import { recordRefusedDeletion } from '#src/app/leaving/record-refused-deletion.ts'
import type { Mails } from '#src/app/mails/mails.ts'
import { actorAmong, permitted } from '#src/app/users/actor.ts'
import { judgeOperator, normaliseReason } from '#src/domain/operators.ts'
import { identityErrors } from '#src/errors.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import { deleteDeletion } from '#src/infra/postgres/leaving/deletions.ts'
import { isInFuture, putSuspension } from '#src/infra/postgres/operators/suspensions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type LiveSession, revokeSessionsOfUser } from '#src/infra/postgres/sessions/sessions.ts'
import { type LockedAccount, lockAccounts, setStatus } from '#src/infra/postgres/users/users.ts'
import type { OperatorDependencies } from './change-roles.ts'

export interface SuspendCommand {
  userId: string
  reason: string
  /** Null: until an operator ends it. */
  until: Date | null
}

/**
 * Suspends an account, or replaces the reason and end of a suspension. Its sessions end in the same
 * commit, and a login under way waits for the lock and finds it suspended. An account that was about
 * to be deleted stays, for what it owes is to be settled; its owner gets a mail, and may ask again
 * when reinstated.
 */
export async function suspendUser(
  { db, mails }: OperatorDependencies & { mails: Mails },
  session: LiveSession,
  { userId, reason: text, until }: SuspendCommand,
  trace: Trace,
): Promise<void> {
  const reason = readReason(text)
  await outboxTransaction(db, async (tx) => {
    const target = await lockForOperator(tx, session, userId)
    if (until !== null && !(await isInFuture(tx, until)))
      throw identityErrors.invalidUntil({ field: 'until' })
    if (await deleteDeletion(tx, userId)) {
      await recordRefusedDeletion(tx, mails, target, { actorId: session.id, trace })
    }
    const sequence = await setStatus(tx, target.id, 'suspended')
    await putSuspension(tx, {
      userId,
      reason,
      endsAt: until,
      suspendedBy: session.id,
      cause: 'operator',
    })
    await revokeSessionsOfUser(tx, userId, 'suspended')
    const end = until === null ? {} : { until: until.toISOString() }
    const context = { aggregateId: userId, sequence, trace }
    await writeOutbox(tx, [createEvent(userSuspended, context, { userId, reason, ...end })])
    const details = { reason, ...end }
    await recordAudit(tx, {
      action: 'user.suspended',
      actorId: session.id,
      subjectId: userId,
      details,
    })
  })
}

export function readReason(text: string): string {
  const reason = normaliseReason(text)
  if (reason === undefined) throw identityErrors.invalidReason({ field: 'reason' })
  return reason
}

/** The account an operator acts on, locked; throws when they may not. */
export async function lockForOperator(
  tx: Transaction<Database>,
  session: LiveSession,
  userId: string,
): Promise<LockedAccount> {
  const accounts = await lockAccounts(tx, [session.id, userId])
  const actor = await actorAmong(tx, accounts, session)
  const target = accounts.find(({ id }) => id === userId)
  return permitted(judgeOperator(actor, target), target)
}
