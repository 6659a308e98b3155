import { type Kysely, sql } from 'kysely'
import type { DepositState } from '#src/domain/deposit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SUBJECT } from './pages.ts'

export interface VerifiedDeposit {
  id: string
  state: DepositState
  amount: bigint
  sellerPercent: number
  /** Of its entry: what the provider took, and what the seller and the platform got. Null: there is none. */
  taken: bigint | null
  ofSeller: bigint | null
  ofPlatform: bigint | null
  /** What is, or was, owed to the bidder because it is given back, and what the provider gave back. */
  owed: bigint | null
  refunded: bigint | null
}

/** Deposits after an id, beside what the ledger has of each. */
export async function readVerifiedDeposits(
  db: Kysely<Database>,
  after: string,
  limit: number,
): Promise<VerifiedDeposit[]> {
  const { rows } = await sql<VerifiedDeposit>`
    select d.id, d.state, d.amount, d.seller_percent as "sellerPercent", l.*, r.*
    from (select * from deposits where id > ${after}::uuid order by id limit ${limit}) d, lateral (
      select
        (sum(p.amount) filter (where p.account = 'clearing:' || d.provider))::bigint as taken,
        (-sum(p.amount) filter (where p.account = 'seller:payable:' || d.seller_id))::bigint as "ofSeller",
        (-sum(p.amount) filter (where p.account = 'platform:deposits'))::bigint as "ofPlatform"
      from ledger_entries e join ledger_postings p on p.entry_id = e.id
      where e.key = 'deposit:' || d.id and e.kind = 'deposit_captured'
    ) l, lateral (
      select
        (-sum(p.amount) filter (where e.kind = 'deposit_returned'))::bigint as owed,
        (sum(p.amount) filter (where e.kind = 'deposit_refunded'))::bigint as refunded
      from ledger_entries e join ledger_postings p on p.entry_id = e.id
      where e.key in ('deposit:' || d.id || ':return', 'deposit:' || d.id || ':refunded') and p.account = 'refund:due'
    ) r
    order by d.id`.execute(db)
  return rows
}

/** Entries about deposits after an id; `isOrphan`: there is no deposit that it could be about. */
export async function readDepositEntries(
  db: Kysely<Database>,
  after: bigint,
  limit: number,
): Promise<{ id: bigint; key: string; isOrphan: boolean }[]> {
  const { rows } = await sql<{ id: bigint; key: string; isOrphan: boolean }>`
    select e.id, e.key,
      not exists (select from deposits where id = e.subject) as "isOrphan"
    from (
      select id, key, ${SUBJECT} as subject from ledger_entries
      where kind in ('deposit_captured', 'deposit_returned', 'deposit_refunded') and id > ${after} order by id limit ${limit}
    ) e order by e.id`.execute(db)
  return rows
}
