import type { Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Which versions of the seller terms a user agreed to. */
export async function readAcceptedSellerTerms(
  tx: Transaction<Database>,
  userId: string,
): Promise<string[]> {
  const rows = await tx
    .selectFrom('accepted_terms')
    .select('version')
    .where('user_id', '=', userId)
    .where('terms', '=', 'seller')
    .execute()
  return rows.map(({ version }) => version)
}

export async function insertAcceptedSellerTerms(
  tx: Transaction<Database>,
  userId: string,
  version: string,
): Promise<void> {
  await tx
    .insertInto('accepted_terms')
    .values({ user_id: userId, terms: 'seller', version })
    .execute()
}
