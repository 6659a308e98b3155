import { type Kysely, sql } from 'kysely'
import { sellerPayable, sellerPending } from '#src/domain/accounts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * How many sums of money are on their way to a seller: what is pending, what is payable, and payouts that are not over. What is
 * less than the least payout is none of them: it would wait for sales that a user who leaves does not make.
 */
export async function countDueToSeller(db: Kysely<Database>, sellerId: string): Promise<number> {
  const payable = sellerPayable(sellerId)
  const accounts = [sellerPending(sellerId), payable]
  // One statement: money that moves from one of them to another meanwhile would be in none. An order that was completed a
  // moment ago is pending until its event is consumed. Below zero is a debt of the platform.
  const { rows } = await sql<{ count: number }>`
    select ((
      select count(*) from (
        select account, currency_code from ledger_postings where account = any (${accounts}::text[])
        group by account, currency_code having sum(amount) < 0
      ) as due
      where not (account = ${payable} and exists (
        select from payout_candidates c
        where c.seller_id = ${sellerId} and c.currency_code = due.currency_code and c.waits_for = 'minimum'
      ))
    ) + (
      select count(*) from payouts
      where seller_id = ${sellerId} and state in ('planned', 'sending', 'unknown')
    ))::int as count`.execute(db)
  return rows[0]?.count ?? 0
}
