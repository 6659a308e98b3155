import { type Kysely, sql } from 'kysely'
import { sellerPayable, sellerPending } from '#src/domain/accounts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * How many sums of money are on their way to a seller: what is pending, what is payable, and payouts that are not over. What is
 * less than the least payout is none of them: it would wait for sales that a user who leaves does not make. Nor is what is
 * pending of an order whose refund was settled by hand: as long as that order goes on, it holds the account.
 */
export async function countDueToSeller(db: Kysely<Database>, sellerId: string): Promise<number> {
  const [pending, payable] = [sellerPending(sellerId), sellerPayable(sellerId)]
  // One statement: money that moves from one of them to another meanwhile would be in none. An order that was completed a
  // moment ago is pending until its event is consumed. Below zero is a debt of the platform.
  const { rows } = await sql<{ count: number }>`
    select ((
      select count(*) from (
        select p.account, p.currency_code from ledger_postings p join ledger_entries e on e.id = p.entry_id
        where p.account = ${payable} or (p.account = ${pending} and not exists (
          select from payment_orders o
          where o.payment_id = e.payment_id and o.order_id = e.order_id and o.settled_sequence is not null
        ))
        group by p.account, p.currency_code having sum(p.amount) < 0
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
