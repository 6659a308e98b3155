import { type Kysely, sql, type Transaction, type UpdateObject } from 'kysely'
import type { AccountStatus } from '#src/domain/operators.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { isSessionAlive } from '#src/infra/postgres/sessions/sessions.ts'

export interface NewUser {
  id: string
  email: string
  emailNormalised: string
  name: string
  passwordHash: string
}

export interface Credentials {
  id: string
  email: string
  name: string
  roles: string[]
  status: string
  passwordHash: string
  /** Wrong passwords are counted under this number. */
  ownershipProofs: number
}

/** False when the address has an account already, also when that one is being made right now. */
export async function insertUser(tx: Transaction<Database>, user: NewUser): Promise<boolean> {
  const result = await tx
    .insertInto('users')
    .values({
      id: user.id,
      email: user.email,
      email_normalised: user.emailNormalised,
      name: user.name,
      password_hash: user.passwordHash,
    })
    .onConflict((conflict) => conflict.column('email_normalised').doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

export interface AddressOwner {
  id: string
  email: string
  name: string
  status: string
  isEmailVerified: boolean
}

/** Whose an address is, those closed a moment ago included. */
export async function readUserByAddress(
  db: Kysely<Database>,
  emailNormalised: string,
): Promise<AddressOwner | undefined> {
  return db
    .selectFrom('users')
    .select(['id', 'email', 'name', 'status'])
    .select(sql<boolean>`email_verified_at is not null`.as('isEmailVerified'))
    .where('email_normalised', '=', emailNormalised)
    .executeTakeFirst()
}

/** The user, if their address was never verified. */
export async function readUnverified(
  db: Kysely<Database>,
  id: string,
): Promise<NewUser | undefined> {
  return db
    .selectFrom('users')
    .select(['id', 'email', 'name', 'email_normalised as emailNormalised'])
    .select('password_hash as passwordHash')
    .where('id', '=', id)
    .where('email_verified_at', 'is', null)
    .executeTakeFirst()
}

/** What a login needs; deleted accounts do not exist any more. */
export async function readCredentials(
  db: Kysely<Database>,
  emailNormalised: string,
): Promise<Credentials | undefined> {
  return db
    .selectFrom('users')
    .select(['id', 'email', 'name', 'roles', 'status', 'password_hash as passwordHash'])
    .select('ownership_proofs as ownershipProofs')
    .where('email_normalised', '=', emailNormalised)
    .where('status', '!=', 'deleted')
    .executeTakeFirst()
}

/** The hash of a user who is not deleted. */
export async function readPasswordHash(
  db: Kysely<Database>,
  id: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('users')
    .select('password_hash as passwordHash')
    .where('id', '=', id)
    .where('status', '!=', 'deleted')
    .executeTakeFirst()
  return row?.passwordHash
}

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
 * The same for a user who acts within a session. A password reset that came first has ended it, and a
 * stranger's change that waited for the lock meanwhile must not be made after all.
 */
export async function lockSessionUser(
  tx: Transaction<Database>,
  { id, sessionId }: { id: string; sessionId: string },
): Promise<LockedUser | undefined> {
  const user = await lockUser(tx, id)
  return (await isSessionAlive(tx, sessionId)) ? user : undefined
}

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

/**
 * The user, while they may log in, with the password where one was verified. The row is locked
 * against updates, so a password change or suspension waits and then ends what the login began.
 */
export async function lockActiveUser(
  tx: Transaction<Database>,
  id: string,
  passwordHash: string | undefined,
): Promise<{ isTwoFactorOn: boolean } | undefined> {
  return tx
    .selectFrom('users')
    .select(sql<boolean>`two_factor_enabled_at is not null`.as('isTwoFactorOn'))
    .where('id', '=', id)
    .where('status', '=', 'active')
    .$if(passwordHash !== undefined, (query) =>
      query.where('password_hash', '=', String(passwordHash)),
    )
    .forShare()
    .executeTakeFirst()
}

/** Set by every change of a user; the version is the sequence of the user's events. */
const CHANGED = {
  version: sql<number>`version + 1`,
  updated_at: sql<Date>`clock_timestamp()`,
}

/** Set by every proof that the account is its owner's (R-ACC-3). */
const OWNED = { ownership_proofs: sql<number>`ownership_proofs + 1` }

/**
 * The owner proved by more than a password that the account is theirs: wrong passwords of before no longer count.
 * Locks the account until the commit.
 */
export async function recordOwnership(tx: Transaction<Database>, id: string): Promise<void> {
  await tx.updateTable('users').set(OWNED).where('id', '=', id).execute()
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
 * Stores the address of a locked account, which is a proof of ownership; answers its new version. Whether it was ever verified
 * stays as it is, so that a later verification is published.
 */
export async function setEmail(
  tx: Transaction<Database>,
  id: string,
  { email, emailNormalised }: { email: string; emailNormalised: string },
): Promise<number> {
  return bump(tx, id, {
    email,
    email_normalised: emailNormalised,
    email_verified_at: sql<Date>`case when email_verified_at is not null then clock_timestamp() end`,
    ...OWNED,
  })
}

async function bump(
  tx: Transaction<Database>,
  id: string,
  change: UpdateObject<Database, 'users'>,
): Promise<number> {
  const { version } = await tx
    .updateTable('users')
    .set({ ...change, ...CHANGED })
    .where('id', '=', id)
    .returning('version')
    .executeTakeFirstOrThrow()
  return version
}

/**
 * Answers the version and the address, or undefined when it was verified or left before. It is a proof of
 * ownership.
 */
export async function setEmailVerified(
  tx: Transaction<Database>,
  id: string,
  emailNormalised: string,
): Promise<{ version: number; email: string } | undefined> {
  return tx
    .updateTable('users')
    .set({ email_verified_at: sql<Date>`clock_timestamp()`, ...OWNED, ...CHANGED })
    .where('id', '=', id)
    .where('email_normalised', '=', emailNormalised)
    .where('email_verified_at', 'is', null)
    .where('status', '!=', 'deleted')
    .returning(['version', 'email'])
    .executeTakeFirst()
}

export async function switchTwoFactor(
  tx: Transaction<Database>,
  userId: string,
  isOn: boolean,
): Promise<void> {
  await tx
    .updateTable('users')
    .set({ two_factor_enabled_at: isOn ? sql<Date>`clock_timestamp()` : null, ...CHANGED })
    .where('id', '=', userId)
    .execute()
}

/** Stores the same password under newer parameters, unless it was changed meanwhile. */
export async function replacePasswordHash(
  db: Kysely<Database>,
  id: string,
  passwordHash: string,
  newHash: string,
): Promise<void> {
  await db
    .updateTable('users')
    .set({ password_hash: newHash, ...CHANGED })
    .where('id', '=', id)
    .where('password_hash', '=', passwordHash)
    .execute()
}

/**
 * Sets a new password of a user who is not deleted, whose wrong passwords of before no longer count; the row stays
 * locked until the commit.
 */
export async function setPasswordHash(
  tx: Transaction<Database>,
  id: string,
  passwordHash: string,
): Promise<boolean> {
  const result = await tx
    .updateTable('users')
    .set({ password_hash: passwordHash, ...OWNED, ...CHANGED })
    .where('id', '=', id)
    .where('status', '!=', 'deleted')
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}
