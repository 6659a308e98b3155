import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import { actorAmong } from '#src/app/users/actor.ts'
import { isLastAdmin } from '#src/domain/operators.ts'
import { type GrantableRole, isAdmin, withoutRole, withRole } from '#src/domain/roles.ts'
import { identityErrors } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type LiveSession, revokeSessionsOfUser } from '#src/infra/postgres/sessions/sessions.ts'
import { type LockedAccount, lockWithAdmins } from '#src/infra/postgres/users/users.ts'
import { recordRoles } from './record-roles.ts'

export interface OperatorDependencies {
  db: Kysely<Database>
}

export interface RoleCommand {
  userId: string
  role: GrantableRole
}

/** Gives a role. A user who has it already keeps it, and nothing is published. */
export async function grantRole(
  { db }: OperatorDependencies,
  session: LiveSession,
  { userId, role }: RoleCommand,
  trace: Trace,
): Promise<void> {
  await outboxTransaction(db, async (tx) => {
    const { target } = await lockForRoles(tx, session, userId)
    if (target.roles.includes(role)) return
    if (target.status !== 'active') throw identityErrors.userSuspended()
    const change = { role, roles: withRole(target.roles, role), actorId: session.id }
    await recordRoles(tx, userId, { action: 'role.granted', ...change }, trace)
  })
}

/**
 * Takes a role away. Their sessions end with it: access tokens carry the roles, and other services
 * believe those for minutes.
 */
export async function revokeRole(
  { db }: OperatorDependencies,
  session: LiveSession,
  { userId, role }: RoleCommand,
  trace: Trace,
): Promise<void> {
  await outboxTransaction(db, async (tx) => {
    const { accounts, target } = await lockForRoles(tx, session, userId)
    if (!target.roles.includes(role)) return
    if (role === 'admin' && isLastAdmin(accounts, userId)) throw identityErrors.lastAdmin()
    await revokeSessionsOfUser(tx, userId, 'role_revoked')
    const change = { role, roles: withoutRole(target.roles, role), actorId: session.id }
    await recordRoles(tx, userId, { action: 'role.revoked', ...change }, trace)
  })
}

async function lockForRoles(
  tx: Transaction<Database>,
  session: LiveSession,
  userId: string,
): Promise<{ accounts: LockedAccount[]; target: LockedAccount }> {
  const accounts = await lockWithAdmins(tx, [session.id, userId])
  const actor = await actorAmong(tx, accounts, session)
  if (!isAdmin(actor.roles)) throw identityErrors.forbidden()
  const target = accounts.find(({ id }) => id === userId)
  if (target === undefined || target.status === 'deleted') throw identityErrors.userNotFound()
  return { accounts, target }
}
