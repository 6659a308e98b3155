import { createEvent } from '@auction/common/contracts/event.ts'
import { userDeleted } from '@auction/common/contracts/identity.ts'
import type { Obligation } from '@auction/common/contracts/obligations.ts'
import { isUnavailable, ServiceError } from '@auction/common/http/errors.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Transaction } from 'kysely'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import {
  anonymise,
  type Deletion,
  deleteDeletion,
  moveNextLook,
  postponeDeletion,
  readDueDeletion,
  readDueDeletions,
} from '#src/infra/postgres/leaving/deletions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lockAddress } from '#src/infra/postgres/users/addresses.ts'
import { type LockedAccount, lockAccounts, setStatus } from '#src/infra/postgres/users/users.ts'
import type { DeletionDependencies } from './delete-account.ts'
import { recordRefusedDeletion } from './record-refused-deletion.ts'

/** More are due at once on no ordinary day; the next run takes the rest. */
const DUE_MAX = 100

/** After so many users in a row of whom a service gave no answer, it is the service. */
const UNANSWERED_MAX = 2

/**
 * Looks at every deletion that is due: the account is open again because a bid or an item of theirs was
 * still on its way, or a lot has come to them since; else the person is forgotten once the days are over in which
 * they can keep the account. Answers how many were forgotten. What fails is tried again a minute later, behind
 * the others, and thrown at the end. When a service does not answer about two users in a row the run ends, and the
 * next run tries again. Of a single user it may be that only this one cannot be read.
 */
export async function finishDeletions(deps: DeletionDependencies): Promise<number> {
  const failures: unknown[] = []
  let deleted = 0
  let unanswered = 0
  for (const deletion of await readDueDeletions(deps.db, DUE_MAX)) {
    try {
      if (await finishDeletion(deps, deletion)) deleted += 1
      unanswered = 0
    } catch (error) {
      failures.push(error)
      if (isUnavailable(error)) break
      await postponeDeletion(deps.db, deletion.userId)
      unanswered = error instanceof ServiceError ? unanswered + 1 : 0
      if (unanswered === UNANSWERED_MAX) break
    }
  }
  if (failures.length > 1) throw new AggregateError(failures, 'accounts could not be deleted')
  if (failures.length === 1) throw failures[0]
  return deleted
}

async function finishDeletion(deps: DeletionDependencies, deletion: Deletion): Promise<boolean> {
  const obligations = await deps.obligationsOf(deletion.userId, deletion.trace)
  return outboxTransaction(deps.db, (tx) => finish(tx, deps, deletion, obligations))
}

async function finish(
  tx: Transaction<Database>,
  deps: DeletionDependencies,
  deletion: Deletion,
  obligations: readonly Obligation[],
): Promise<boolean> {
  const { userId, emailNormalised } = deletion
  await lockAddress(tx, emailNormalised)
  const [account] = await lockAccounts(tx, [userId])
  const due = await readDueDeletion(tx, userId)
  // Its owner kept the account, an operator suspended it, or another worker was faster.
  if (due === undefined || account?.status !== 'deleting') return false
  if (obligations.length === 0 && !due.isOver) {
    await moveNextLook(tx, userId)
    return false
  }
  await deleteDeletion(tx, userId)
  if (obligations.length > 0) {
    await setStatus(tx, userId, 'active')
    await recordRefusedDeletion(tx, deps.mails, account, { actorId: null, trace: deletion.trace })
    return false
  }
  await forget(tx, deps, account, deletion)
  return true
}

async function forget(
  tx: Transaction<Database>,
  { mails }: DeletionDependencies,
  { id: userId, email: to, name }: LockedAccount,
  { emailNormalised, trace }: Deletion,
): Promise<void> {
  const sequence = await anonymise(tx, userId, emailNormalised)
  const context = { aggregateId: userId, sequence, trace }
  await writeOutbox(tx, [
    createEvent(userDeleted, context, { userId }),
    mails.request({ template: 'account_deleted', to, name }, trace),
  ])
  await recordAudit(tx, {
    action: 'user.deleted',
    actorId: null,
    subjectId: userId,
    details: {},
  })
}
