import { sql, type Transaction } from 'kysely'
import type { AuthenticationMethod } from '#src/domain/fresh-proof.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { isSessionAlive } from '#src/infra/postgres/sessions/sessions.ts'

export interface LockedUser {
  id: string
  email: string
  name: string
  roles: string[]
  isTwoFactorOn: boolean
}

/**
 * An active user, locked against logins and against every other change of the account: what is
 * decided about second factors holds until the commit.
 */
export async function lockUser(
  tx: Transaction<Database>,
  id: string,
): Promise<LockedUser | undefined> {
  return tx
    .selectFrom('users')
    .select(['id', 'email', 'name', 'roles'])
    .select(sql<boolean>`two_factor_enabled_at is not null`.as('isTwoFactorOn'))
    .where('id', '=', id)
    .where('status', '=', 'active')
    .forUpdate()
    .executeTakeFirst()
}

/**
 * The same for whoever acts within a session. A password reset that came first has ended it, and a
 * stranger's change that waited for the lock meanwhile must not be made after all.
 */
export async function lockUserOf(
  tx: Transaction<Database>,
  { id, sessionId }: { id: string; sessionId: string },
): Promise<LockedUser | undefined> {
  const user = await lockUser(tx, id)
  return (await isSessionAlive(tx, sessionId)) ? user : undefined
}

export async function switchTwoFactor(
  tx: Transaction<Database>,
  userId: string,
  isOn: boolean,
): Promise<void> {
  await tx
    .updateTable('users')
    .set({
      two_factor_enabled_at: isOn ? sql<Date>`clock_timestamp()` : null,
      version: sql`version + 1`,
      updated_at: sql`clock_timestamp()`,
    })
    .where('id', '=', userId)
    .execute()
}

/** The session's owner proved one thing more; what was proved before is as old as it was. */
export async function addSessionMethod(
  tx: Transaction<Database>,
  sessionId: string,
  method: AuthenticationMethod,
): Promise<void> {
  await tx
    .updateTable('sessions')
    .set({ methods: sql<string[]>`array_append(array_remove(methods, ${method}), ${method})` })
    .where('id', '=', sessionId)
    .execute()
}
