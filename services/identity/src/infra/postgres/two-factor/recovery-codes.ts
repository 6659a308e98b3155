import type { Kysely, Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Stores a new set of codes; every older one stops working. */
export async function replaceRecoveryCodes(
  tx: Transaction<Database>,
  userId: string,
  digests: readonly Buffer[],
): Promise<void> {
  await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
  if (digests.length === 0) return
  await tx
    .insertInto('recovery_codes')
    .values(digests.map((digest) => ({ digest, user_id: userId })))
    .execute()
}

/** Uses a code up. Of parallel submits of one code exactly one gets true. */
export async function spendRecoveryCode(
  tx: Transaction<Database>,
  userId: string,
  digest: Buffer,
): Promise<boolean> {
  const result = await tx
    .deleteFrom('recovery_codes')
    .where('digest', '=', digest)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return result.numDeletedRows === 1n
}

export async function countRecoveryCodes(db: Kysely<Database>, userId: string): Promise<number> {
  const { count } = await db
    .selectFrom('recovery_codes')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  return Number(count)
}
