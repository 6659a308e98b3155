import { type Kysely, sql } from 'kysely'
import { sellerPayable, sellerPending } from '#src/domain/accounts.ts'
import type { EntryKind } from '#src/domain/entry.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** What moved for a seller from one instant until before another. */
export interface Period {
  sellerId: string
  from: Date
  to: Date
}

/** What one entry did for a seller; above zero is more for the seller. */
export interface StatementLine {
  entryId: bigint
  at: Date
  kind: EntryKind
  orderId: string | null
  currencyCode: string
  pending: bigint
  payable: bigint
}

/** The lines of a period after an entry, in the order in which they were posted. */
export async function readLines(
  db: Kysely<Database>,
  { sellerId, from, to }: Period,
  after: bigint,
  limit: number,
): Promise<StatementLine[]> {
  const [pending, payable] = [sellerPending(sellerId), sellerPayable(sellerId)]
  const { rows } = await sql<StatementLine>`
    select e.id as "entryId", e.posted_at as at, e.kind, e.order_id as "orderId",
      p.currency_code as "currencyCode",
      coalesce(-sum(p.amount) filter (where p.account = ${pending}), 0)::bigint as pending,
      coalesce(-sum(p.amount) filter (where p.account = ${payable}), 0)::bigint as payable
    from ledger_postings p join ledger_entries e on e.id = p.entry_id
    where p.account in (${pending}, ${payable}) and p.entry_id > ${after}
      and e.posted_at >= ${from} and e.posted_at < ${to}
    group by e.id, p.currency_code order by e.id limit ${limit}`.execute(db)
  return rows
}

export interface StatementTotal {
  currencyCode: string
  openingPending: bigint
  openingPayable: bigint
  closingPending: bigint
  closingPayable: bigint
}

/** What a seller was owed before and after a period, in each currency that there ever was. */
export async function readTotals(
  db: Kysely<Database>,
  { sellerId, from, to }: Period,
): Promise<StatementTotal[]> {
  const [pending, payable] = [sellerPending(sellerId), sellerPayable(sellerId)]
  const { rows } = await sql<StatementTotal>`
    select p.currency_code as "currencyCode",
      coalesce(-sum(amount) filter (where account = ${pending} and posted_at < ${from}), 0)::bigint as "openingPending",
      coalesce(-sum(amount) filter (where account = ${payable} and posted_at < ${from}), 0)::bigint as "openingPayable",
      coalesce(-sum(amount) filter (where account = ${pending}), 0)::bigint as "closingPending",
      coalesce(-sum(amount) filter (where account = ${payable}), 0)::bigint as "closingPayable"
    from ledger_postings p join ledger_entries e on e.id = p.entry_id
    where account in (${pending}, ${payable}) and posted_at < ${to}
    group by p.currency_code order by p.currency_code`.execute(db)
  return rows
}
