import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import { normaliseEmail } from '#src/domain/email.ts'
import { isAdmin, withRole } from '#src/domain/roles.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lockAccounts, readCredentials } from '#src/infra/postgres/users/users.ts'
import { recordRoles } from './record-roles.ts'

export type Appointment = 'appointed' | 'admin_already' | 'unknown' | 'suspended' | 'deleting'

/**
 * Makes an account an admin from the console: a person who can reach the database needs no
 * permission, and the first admin has no other admin to ask. Doing it twice changes nothing.
 */
export async function appointAdmin(
  db: Kysely<Database>,
  email: string,
  trace: Trace,
): Promise<Appointment> {
  const emailNormalised = normaliseEmail(email)
  if (emailNormalised === undefined) return 'unknown'
  const found = await readCredentials(db, emailNormalised)
  if (found === undefined) return 'unknown'
  return outboxTransaction(db, async (tx) => {
    const [account] = await lockAccounts(tx, [found.id])
    if (account === undefined || account.status === 'deleted') return 'unknown'
    if (account.status !== 'active') return account.status
    if (isAdmin(account.roles)) return 'admin_already'
    const change = { role: 'admin', roles: withRole(account.roles, 'admin') } as const
    await recordRoles(tx, account.id, { action: 'role.granted', actorId: null, ...change }, trace)
    return 'appointed'
  })
}
