import { createHash } from 'node:crypto'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Stores the photo of a locked user in place of the one before. */
export async function savePhoto(
  tx: Transaction<Database>,
  userId: string,
  content: Buffer,
): Promise<void> {
  const digest = createHash('sha256').update(content).digest()
  await tx
    .insertInto('profile_photos')
    .values({ user_id: userId, digest, content })
    .onConflict((conflict) =>
      conflict
        .column('user_id')
        .doUpdateSet({ digest, content, updated_at: sql`clock_timestamp()` }),
    )
    .execute()
}

/** The photo of a user who is not deleted. */
export async function readPhoto(
  db: Kysely<Database>,
  userId: string,
): Promise<{ digest: Buffer; content: Buffer } | undefined> {
  return db
    .selectFrom('profile_photos as photo')
    .innerJoin('users', 'users.id', 'photo.user_id')
    .select(['photo.digest', 'photo.content'])
    .where('photo.user_id', '=', userId)
    .where('users.status', '!=', 'deleted')
    .executeTakeFirst()
}

export async function deletePhoto(tx: Transaction<Database>, userId: string): Promise<void> {
  await tx.deleteFrom('profile_photos').where('user_id', '=', userId).execute()
}
