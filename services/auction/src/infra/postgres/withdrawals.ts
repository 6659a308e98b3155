import { sql, type Transaction } from 'kysely'
import type { Executor } from './items.ts'
import type { Database } from './schema.ts'

export interface Withdrawal {
  reason: string
  askedAt: Date
}

/** Notes why the seller withdraws a locked item. */
export async function putWithdrawal(
  tx: Transaction<Database>,
  itemId: string,
  reason: string,
): Promise<void> {
  await tx
    .insertInto('item_withdrawals')
    .values({ item_id: itemId, reason })
    .onConflict((conflict) =>
      conflict.column('item_id').doUpdateSet({ reason, asked_at: sql<Date>`clock_timestamp()` }),
    )
    .execute()
}

/** Why a cancelled item was withdrawn. */
export async function readWithdrawal(
  db: Executor,
  itemId: string,
): Promise<Withdrawal | undefined> {
  return db
    .selectFrom('item_withdrawals')
    .select(['reason', 'asked_at as askedAt'])
    .where('item_id', '=', itemId)
    .executeTakeFirst()
}
