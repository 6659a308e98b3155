import { type Kysely, sql, type Transaction } from 'kysely'
import type { ProfileFields } from '#src/domain/profile.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Profile extends ProfileFields {
  id: string
  name: string
  emailVerified: boolean
  phoneVerified: boolean
  photoDigest: Buffer | null
  createdAt: Date
  updatedAt: Date
}

/** The profile of a user who is not deleted; empty until the user fills it. */
export async function readProfile(db: Kysely<Database>, id: string): Promise<Profile | undefined> {
  return db
    .selectFrom('users')
    .leftJoin('profiles as profile', 'profile.user_id', 'users.id')
    .leftJoin('profile_photos as photo', 'photo.user_id', 'users.id')
    .select(['users.id', 'users.name', 'users.created_at as createdAt'])
    .select(['profile.phone', 'profile.country', 'profile.city', 'profile.description'])
    .select([
      sql<boolean>`users.email_verified_at is not null`.as('emailVerified'),
      sql<boolean>`profile.phone_verified_at is not null`.as('phoneVerified'),
      sql<boolean>`coalesce(profile.is_business, false)`.as('isBusiness'),
      'photo.digest as photoDigest',
      sql<Date>`greatest(users.updated_at, profile.updated_at, photo.updated_at)`.as('updatedAt'),
    ])
    .where('users.id', '=', id)
    .where('users.status', '!=', 'deleted')
    .executeTakeFirst()
}

/** Stores what changed, of a locked user; another phone number is not verified. */
export async function saveProfile(
  tx: Transaction<Database>,
  userId: string,
  { isBusiness, ...texts }: Partial<ProfileFields>,
): Promise<void> {
  const change = { ...texts, ...(isBusiness === undefined ? {} : { is_business: isBusiness }) }
  await tx
    .insertInto('profiles')
    .values({ user_id: userId, ...change })
    .onConflict((conflict) =>
      conflict.column('user_id').doUpdateSet({
        ...change,
        ...(change.phone === undefined
          ? {}
          : {
              phone_verified_at: sql<Date | null>`case
                when profiles.phone = excluded.phone then profiles.phone_verified_at end`,
            }),
        updated_at: sql`clock_timestamp()`,
      }),
    )
    .execute()
}
