import { createEvent } from '@auction/common/contracts/event.ts'
import { userSuspended } from '@auction/common/contracts/identity.ts'
import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import { putSuspension } from '#src/infra/postgres/operators/suspensions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { revokeSessionsOfUser } from '#src/infra/postgres/sessions/sessions.ts'
import { setStatus } from '#src/infra/postgres/users/users.ts'

const REASON = 'Orders were not paid.'

/** Suspends a locked account until then, or gives the suspension for its strikes another end (R-ORDER-6). */
export async function suspendForStrikes(
  tx: Transaction<Database>,
  { userId, until, count }: { userId: string; until: Date; count?: number },
  trace: Trace,
): Promise<void> {
  const sequence = await setStatus(tx, userId, 'suspended')
  await putSuspension(tx, {
    userId,
    reason: REASON,
    endsAt: until,
    suspendedBy: null,
    cause: 'strikes',
  })
  await revokeSessionsOfUser(tx, userId, 'suspended')
  const end = { until: until.toISOString() }
  const context = { aggregateId: userId, sequence, trace }
  await writeOutbox(tx, [createEvent(userSuspended, context, { userId, reason: REASON, ...end })])
  await recordAudit(tx, {
    action: 'user.suspended',
    actorId: null,
    subjectId: userId,
    details: { reason: REASON, ...(count === undefined ? {} : { strikes: String(count) }), ...end },
  })
}
