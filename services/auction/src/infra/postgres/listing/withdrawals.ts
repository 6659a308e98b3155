import { sql, type Transaction } from 'kysely'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Withdrawal {
  reason: string
  at: Date
}

/** Records the reason for withdrawing a locked item, until bid has agreed. */
export async function putWithdrawal(
  tx: Transaction<Database>,
  itemId: string,
  reason: string,
): Promise<void> {
  await tx
    .insertInto('item_withdrawals')
    .values({ item_id: itemId, reason })
    .onConflict((conflict) =>
      conflict
        .column('item_id')
        .doUpdateSet({ reason, asked_at: sql<Date>`clock_timestamp()` })
        .where('item_withdrawals.agreed_at', 'is', null),
    )
    .execute()
}

/** Records that bid agreed to withdrawals; again changes nothing. */
export async function agreeToWithdrawals(db: Executor, itemIds: readonly string[]): Promise<void> {
  if (itemIds.length === 0) return
  await db
    .updateTable('item_withdrawals')
    .set({ agreed_at: sql<Date>`clock_timestamp()` })
    .where('item_id', 'in', itemIds)
    .where('agreed_at', 'is', null)
    .execute()
}

/** Why an item was withdrawn, if it was. */
export async function readWithdrawal(
  db: Executor,
  itemId: string,
): Promise<Withdrawal | undefined> {
  return db
    .selectFrom('item_withdrawals')
    .select(['reason', sql<Date>`agreed_at`.as('at')])
    .where('item_id', '=', itemId)
    .where('agreed_at', 'is not', null)
    .executeTakeFirst()
}
