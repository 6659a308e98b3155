import { type Kysely, sql } from 'kysely'
import type { AccountStatus } from '#src/domain/operators.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface ListedAccount {
  id: string
  email: string
  name: string
  roles: string[]
  status: AccountStatus
  emailVerified: boolean
  twoFactorEnabled: boolean
  createdAt: Date
  /** All null unless the account is suspended. */
  suspensionReason: string | null
  suspendedAt: Date | null
  suspensionEndsAt: Date | null
  suspendedBy: string | null
}

/** An account as operators see it; undefined when there is none or it was deleted. */
export async function readAccount(
  db: Kysely<Database>,
  id: string,
): Promise<ListedAccount | undefined> {
  return accounts(db).where('u.id', '=', id).executeTakeFirst()
}

export interface AccountSearch {
  /** How the normalised address begins; '' for all. */
  emailPrefix: string
  /** The last id of the page before. */
  beforeId: string | undefined
  limit: number
}

/** Accounts by the beginning of their address, the newest first: ids are made in time order. */
export async function listAccounts(
  db: Kysely<Database>,
  { emailPrefix, beforeId, limit }: AccountSearch,
): Promise<ListedAccount[]> {
  return accounts(db)
    .$if(emailPrefix !== '', (query) =>
      query.where('u.email_normalised', 'like', `${emailPrefix.replace(/[\\%_]/g, '\\$&')}%`),
    )
    .$if(beforeId !== undefined, (query) => query.where('u.id', '<', String(beforeId)))
    .orderBy('u.id', 'desc')
    .limit(limit)
    .execute()
}

function accounts(db: Kysely<Database>) {
  return db
    .selectFrom('users as u')
    .leftJoin('suspensions as s', 's.user_id', 'u.id')
    .select(['u.id', 'u.email', 'u.name', 'u.roles', 'u.status', 'u.created_at as createdAt'])
    .select(sql<boolean>`u.email_verified_at is not null`.as('emailVerified'))
    .select(sql<boolean>`u.two_factor_enabled_at is not null`.as('twoFactorEnabled'))
    .select(['s.reason as suspensionReason', 's.suspended_at as suspendedAt'])
    .select(['s.ends_at as suspensionEndsAt', 's.suspended_by as suspendedBy'])
    .where('u.status', '!=', 'deleted')
}
