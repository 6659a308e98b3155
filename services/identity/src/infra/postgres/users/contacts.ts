import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface StoredContact {
  userId: string
  name: string
  email: string
  standing: 'active' | 'suspended'
  isVerified: boolean
}

/** Accounts that mails can go to, among these. */
export async function readContacts(
  db: Kysely<Database>,
  userIds: readonly string[],
): Promise<StoredContact[]> {
  const { rows } = await sql<StoredContact>`
    select id as "userId", name, email, status as standing,
      email_verified_at is not null as "isVerified"
    from users where id = any(${[...new Set(userIds)]}::uuid[]) and status in ('active', 'suspended')`.execute(
    db,
  )
  return rows
}
