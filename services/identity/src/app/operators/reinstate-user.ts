import { createEvent } from '@auction/common/contracts/event.ts'
import { userReinstated } from '@auction/common/contracts/identity.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import { ownTrace, type Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import { suspendForStrikes } from '#src/app/strikes/suspend-for-strikes.ts'
import { identityErrors } from '#src/errors.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import {
  deleteDueSuspension,
  deleteSuspension,
  readDueSuspensions,
} from '#src/infra/postgres/operators/suspensions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { LiveSession } from '#src/infra/postgres/sessions/sessions.ts'
import { pardonStrikes, readStrikesEnd } from '#src/infra/postgres/strikes/strike-reports.ts'
import { lockAccounts, setStatus } from '#src/infra/postgres/users/users.ts'
import type { OperatorDependencies } from './change-roles.ts'
import { lockForOperator, readReason } from './suspend-user.ts'

/** More than are due at once on any ordinary day; the next run takes the rest. */
const DUE_MAX = 100
const DUE_REASON = 'its time is up'

/** Lets a suspended user in again; sessions that ended stay ended. */
export async function reinstateUser(
  { db }: OperatorDependencies,
  session: LiveSession,
  { userId, reason: text }: { userId: string; reason: string },
  trace: Trace,
): Promise<void> {
  const reason = readReason(text)
  await outboxTransaction(db, async (tx) => {
    const target = await lockForOperator(tx, session, userId)
    if (target.status !== 'suspended') throw identityErrors.notSuspended()
    await deleteSuspension(tx, userId)
    // What strikes brought is over with it; only a later strike suspends again.
    await pardonStrikes(tx, userId)
    await recordReinstatement(tx, { userId, reason, actorId: session.id }, trace)
  })
}

/** Ends every suspension whose time is up; answers how many. */
export async function endDueSuspensions({ db }: OperatorDependencies): Promise<number> {
  let ended = 0
  for (const userId of await readDueSuspensions(db, DUE_MAX)) {
    const isEnded = await outboxTransaction(db, async (tx) => {
      const [account] = await lockAccounts(tx, [userId])
      // An operator may have made it longer, or another worker may have been faster.
      if (account?.status !== 'suspended' || !(await deleteDueSuspension(tx, userId))) return false
      const trace = ownTrace('suspension ended')
      // Strikes that counted meanwhile suspend for longer than the operator did.
      const until = await readStrikesEnd(tx, userId)
      if (until !== undefined) {
        await suspendForStrikes(tx, { userId, until }, trace)
        return false
      }
      await recordReinstatement(tx, { userId, reason: DUE_REASON, actorId: null }, trace)
      return true
    })
    if (isEnded) ended += 1
  }
  return ended
}

/** Writes down that a locked account may be used again, and publishes it. */
export async function recordReinstatement(
  tx: Transaction<Database>,
  { userId, reason, actorId }: { userId: string; reason: string; actorId: string | null },
  trace: Trace,
): Promise<void> {
  const sequence = await setStatus(tx, userId, 'active')
  const context = { aggregateId: userId, sequence, trace }
  await writeOutbox(tx, [createEvent(userReinstated, context, { userId, reason })])
  await recordAudit(tx, {
    action: 'user.reinstated',
    actorId,
    subjectId: userId,
    details: { reason },
  })
}
