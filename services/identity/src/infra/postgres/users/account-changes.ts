import { sql, type Transaction } from 'kysely'
import type { AccountStatus } from '#src/domain/operators.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface LockedAccount {
  id: string
  email: string
  name: string
  roles: string[]
  status: AccountStatus
}

/**
 * These accounts and those of all admins, locked until the commit. Locks are always taken in the
 * order of ids, so operators who change each other queue instead of deadlocking, and who is an admin
 * stays true while the last one is protected.
 */
export async function lockWithAdmins(
  tx: Transaction<Database>,
  ids: readonly string[],
): Promise<LockedAccount[]> {
  return tx
    .selectFrom('users')
    .select(['id', 'email', 'name', 'roles', 'status'])
    .where((where) =>
      where.or([
        where('id', 'in', [...ids]),
        // Said as the index says it, so that this reads a handful of rows.
        sql<boolean>`roles && '{moderator,admin}' and 'admin' = any (roles)`,
      ]),
    )
    .orderBy('id')
    .forUpdate()
    .execute()
}

/** These accounts, locked in the order of their ids. */
export async function lockAccounts(
  tx: Transaction<Database>,
  ids: readonly string[],
): Promise<LockedAccount[]> {
  return tx
    .selectFrom('users')
    .select(['id', 'email', 'name', 'roles', 'status'])
    .where('id', 'in', [...ids])
    .orderBy('id')
    .forUpdate()
    .execute()
}

/** Stores the roles of a locked account; answers its new version, the sequence of its events. */
export async function setRoles(
  tx: Transaction<Database>,
  id: string,
  roles: readonly string[],
): Promise<number> {
  return bump(tx, id, { roles: [...roles] })
}

/** Stores whether a locked account may be used; answers its new version. */
export async function setStatus(
  tx: Transaction<Database>,
  id: string,
  status: 'active' | 'suspended' | 'deleting',
): Promise<number> {
  return bump(tx, id, { status })
}

/** Stores the name of a locked account; answers its new version. */
export async function setName(
  tx: Transaction<Database>,
  id: string,
  name: string,
): Promise<number> {
  return bump(tx, id, { name })
}

/**
 * Stores the address of a locked account; answers its new version. Whether it was ever verified
 * stays as it is, so that whoever verifies it afterwards tells of that.
 */
export async function setEmail(
  tx: Transaction<Database>,
  id: string,
  { email, emailNormalised }: { email: string; emailNormalised: string },
): Promise<number> {
  const { rows } = await sql<{ version: number }>`
    update users
       set email = ${email}, email_normalised = ${emailNormalised},
           email_verified_at = case when email_verified_at is not null then clock_timestamp() end,
           version = version + 1, updated_at = clock_timestamp()
     where id = ${id}
    returning version`.execute(tx)
  const [changed] = rows
  if (changed === undefined) throw new Error('a locked account is there')
  return changed.version
}

async function bump(
  tx: Transaction<Database>,
  id: string,
  change: { roles: string[] } | { status: 'active' | 'suspended' | 'deleting' } | { name: string },
): Promise<number> {
  const { version } = await tx
    .updateTable('users')
    .set({ ...change, version: sql`version + 1`, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .returning('version')
    .executeTakeFirstOrThrow()
  return version
}
