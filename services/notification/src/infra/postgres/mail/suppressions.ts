import type { Kysely, Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export type SuppressionReason = 'refused' | 'bounce' | 'complaint' | 'operator'

/** Suppresses an address; the first reason stays. False: it was suppressed before. */
export async function suppressAddress(
  db: Kysely<Database>,
  addressDigest: Buffer,
  reason: SuppressionReason,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('suppressions')
    .values({ address_digest: addressDigest, reason })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

/** Writes to an address again. False: it was not suppressed. */
export async function releaseAddress(
  tx: Transaction<Database>,
  addressDigest: Buffer,
): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('suppressions')
    .where('address_digest', '=', addressDigest)
    .executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

/** Why an address gets no notices; undefined when it gets them. */
export async function readSuppression(
  db: Kysely<Database>,
  addressDigest: Buffer,
): Promise<SuppressionReason | undefined> {
  const row = await db
    .selectFrom('suppressions')
    .select('reason')
    .where('address_digest', '=', addressDigest)
    .executeTakeFirst()
  return row?.reason
}

export interface Suppression {
  readonly addressDigest: Buffer
  readonly reason: SuppressionReason
  readonly createdAt: Date
}

/** The latest, newest first; addresses themselves are not kept. */
export async function listSuppressions(
  db: Kysely<Database>,
  limit: number,
): Promise<Suppression[]> {
  return db
    .selectFrom('suppressions')
    .select(['address_digest as addressDigest', 'reason', 'created_at as createdAt'])
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute()
}

export async function countSuppressions(db: Kysely<Database>): Promise<number> {
  const { count } = await db
    .selectFrom('suppressions')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}
