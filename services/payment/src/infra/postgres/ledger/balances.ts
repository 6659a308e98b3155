import { type Kysely, sql } from 'kysely'
import type { Account } from '#src/domain/accounts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Balance {
  account: Account
  currencyCode: string
  /** As posted: below zero is a debt of the platform. */
  amount: bigint
}

/** What accounts hold in each currency; those that hold nothing and never did are absent. */
export async function readBalances(
  db: Kysely<Database>,
  accounts: readonly Account[],
): Promise<Balance[]> {
  const { rows } = await sql<Balance>`
    select account, currency_code as "currencyCode", sum(amount)::bigint as amount
    from ledger_postings where account = any (${accounts}::text[])
    group by account, currency_code order by account, currency_code`.execute(db)
  return rows
}
