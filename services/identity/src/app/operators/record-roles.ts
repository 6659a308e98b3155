import { createEvent } from '@auction/common/contracts/event.ts'
import { userUpdated } from '@auction/common/contracts/identity.ts'
import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import type { GrantableRole } from '#src/domain/roles.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { setRoles } from '#src/infra/postgres/users/users.ts'

export interface RoleChange {
  action: 'role.granted' | 'role.revoked' | 'role.accepted'
  role: GrantableRole
  /** All roles afterwards. */
  roles: readonly string[]
  /** Null when it was done on the console. */
  actorId: string | null
  details?: Readonly<Record<string, string>>
}

/** Stores the roles of a locked account, publishes and records the change; call it last. */
export async function recordRoles(
  tx: Transaction<Database>,
  userId: string,
  { action, role, roles, actorId, details = {} }: RoleChange,
  trace: Trace,
): Promise<void> {
  const sequence = await setRoles(tx, userId, roles)
  const context = { aggregateId: userId, sequence, trace }
  const payload = { userId, changedFields: ['roles'], roles: [...roles] }
  await writeOutbox(tx, [createEvent(userUpdated, context, payload)])
  await recordAudit(tx, { action, actorId, subjectId: userId, details: { ...details, role } })
}
