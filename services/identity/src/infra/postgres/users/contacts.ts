import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface StoredContact {
  userId: string
  name: string
  email: string
  standing: 'active' | 'suspended'
  isVerified: boolean
}

/**
 * Accounts that mails can go to, among these. One that waits to be deleted is as if suspended: a lot can come to it
 * still, and what depends on time and money is not lost when its owner keeps it or owes something.
 */
export async function readContacts(
  db: Kysely<Database>,
  userIds: readonly string[],
): Promise<StoredContact[]> {
  const { rows } = await sql<StoredContact>`
    select id as "userId", name, email,
      case status when 'deleting' then 'suspended' else status end as standing,
      email_verified_at is not null as "isVerified"
    from users where id = any(${[...new Set(userIds)]}::uuid[]) and status <> 'deleted'`.execute(db)
  return rows
}
