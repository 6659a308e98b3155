import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

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

/** Answers the version and the address, or undefined when it was verified or left before. */
export async function setEmailVerified(
  tx: Transaction<Database>,
  id: string,
  emailNormalised: string,
): Promise<{ version: number; email: string } | undefined> {
  return tx
    .updateTable('users')
    .set({
      email_verified_at: sql<Date>`clock_timestamp()`,
      version: sql`version + 1`,
      updated_at: sql`clock_timestamp()`,
    })
    .where('id', '=', id)
    .where('email_normalised', '=', emailNormalised)
    .where('email_verified_at', 'is', null)
    .where('status', '!=', 'deleted')
    .returning(['version', 'email'])
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

/** Stores the same password under newer parameters, unless it was changed meanwhile. */
export async function replacePasswordHash(
  db: Kysely<Database>,
  id: string,
  passwordHash: string,
  newHash: string,
): Promise<void> {
  await db
    .updateTable('users')
    .set({
      password_hash: newHash,
      version: sql`version + 1`,
      updated_at: sql`clock_timestamp()`,
    })
    .where('id', '=', id)
    .where('password_hash', '=', passwordHash)
    .execute()
}

/** Sets a new password of a user who is not deleted; the row stays locked until the commit. */
export async function setPasswordHash(
  tx: Transaction<Database>,
  id: string,
  passwordHash: string,
): Promise<boolean> {
  const result = await tx
    .updateTable('users')
    .set({
      password_hash: passwordHash,
      version: sql`version + 1`,
      updated_at: sql`clock_timestamp()`,
    })
    .where('id', '=', id)
    .where('status', '!=', 'deleted')
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}
