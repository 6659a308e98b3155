import { type Kysely, sql } from 'kysely'
import type { StoredEntry } from '#src/infra/crypto/entry-digest.ts'
import { storedEntry } from '#src/infra/postgres/ledger/seals.ts'
import type { SaleId } from '#src/infra/postgres/sales/sales.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface SealedEntry extends StoredEntry {
  lines: number
  sequence: bigint
  previousDigest: Buffer
  digest: Buffer
}

/** Seals after a sequence, with their entries. */
export async function readSealed(
  db: Kysely<Database>,
  after: bigint,
  limit: number,
): Promise<SealedEntry[]> {
  const { rows } = await sql<SealedEntry>`
    select ${storedEntry}, e.lines, s.sequence, s.previous_digest as "previousDigest", s.digest
    from ledger_seals s join ledger_entries e on e.id = s.entry_id
    where s.sequence > ${after} order by s.sequence limit ${limit}`.execute(db)
  return rows
}

export interface UnsealedEntry extends StoredEntry {
  lines: number
  isOld: boolean
}

/** Entries without a seal after an id; old are those that should have had one for a minute. */
export async function readUnsealed(
  db: Kysely<Database>,
  after: bigint,
  limit: number,
): Promise<UnsealedEntry[]> {
  const { rows } = await sql<UnsealedEntry>`
    select ${storedEntry}, e.lines, e.posted_at < statement_timestamp() - interval '1 minute' as "isOld"
    from ledger_entries e
    where e.id > ${after} and not exists (select from ledger_seals s where s.entry_id = e.id)
    order by e.id limit ${limit}`.execute(db)
  return rows
}

/** What a sale says it was, and what its capture posted. */
export interface ComparedSale extends SaleId {
  total: bigint
  commission: bigint
  tax: bigint
  premium: bigint
  isPosted: boolean
  paid: bigint
  postedCommission: bigint
  postedTax: bigint
  postedPremium: bigint
  /** Of all entries of the sale. */
  undone: bigint
  pending: bigint
  payable: bigint
  openDisputes: number
  isCompleted: boolean
}

/** Sales after one, beside what the ledger has of each. */
export async function readComparedSales(
  db: Kysely<Database>,
  after: SaleId,
  limit: number,
): Promise<ComparedSale[]> {
  const { rows } = await sql<ComparedSale>`
    select s.payment_id as "paymentId", s.order_id as "orderId", s.seller_gross + s.premium as total,
      s.commission, s.commission_tax + s.premium_tax as tax, s.premium - s.premium_tax as premium,
      s.completed_at is not null as "isCompleted", c.*
    from (
      select * from sales where (payment_id, order_id) > (${after.paymentId}::uuid, ${after.orderId}::uuid)
      order by payment_id, order_id limit ${limit}
    ) s, lateral (
      select
        coalesce(bool_or(kind = 'capture'), false) as "isPosted",
        coalesce(sum(amount) filter (where kind = 'capture' and account = 'clearing:' || s.provider), 0)::bigint as paid,
        coalesce(-sum(amount) filter (where kind = 'capture' and account = 'platform:commission'), 0)::bigint
          as "postedCommission",
        coalesce(-sum(amount) filter (where kind = 'capture' and account like 'tax:%'), 0)::bigint as "postedTax",
        coalesce(-sum(amount) filter (where kind = 'capture' and account = 'platform:premium'), 0)::bigint
          as "postedPremium",
        coalesce(-sum(amount) filter (where (kind in ('refund', 'refund_failed') and account = 'refund:due')
          or (kind = 'dispute_lost' and account in ('dispute:held', 'provider:costs'))), 0)::bigint as undone,
        coalesce(-sum(amount) filter (where account = 'seller:pending:' || s.seller_id), 0)::bigint as pending,
        coalesce(-sum(amount) filter (where account = 'seller:payable:' || s.seller_id), 0)::bigint as payable,
        (count(distinct e.id) filter (where kind = 'dispute_opened')
          - count(distinct e.id) filter (where kind in ('dispute_won', 'dispute_lost')))::int as "openDisputes"
      from ledger_entries e join ledger_postings p on p.entry_id = e.id
      where e.order_id = s.order_id and e.payment_id = s.payment_id
    ) c
    order by s.payment_id, s.order_id`.execute(db)
  return rows
}

/** Captures for a seller that no sale says anything of. */
export async function readCapturesWithoutSale(
  db: Kysely<Database>,
  after: bigint,
  limit: number,
): Promise<{ id: bigint; key: string; isOrphan: boolean }[]> {
  const { rows } = await sql<{ id: bigint; key: string; isOrphan: boolean }>`
    select e.id, e.key, not exists (
        select from ledger_postings where entry_id = e.id and account = 'refund:due'
      ) and not exists (
        select from sales s where s.payment_id = e.payment_id and s.order_id = e.order_id
      ) as "isOrphan"
    from ledger_entries e where e.kind = 'capture' and e.id > ${after}
    order by e.id limit ${limit}`.execute(db)
  return rows
}

/** Sums of the accounts that have only one side, in each currency. */
export async function readOneSided(
  db: Kysely<Database>,
): Promise<{ account: string; currencyCode: string; amount: bigint }[]> {
  const { rows } = await sql<{ account: string; currencyCode: string; amount: bigint }>`
    select account, currency_code as "currencyCode", sum(amount)::bigint as amount
    from ledger_postings
    where account in ('refund:due', 'dispute:held', 'payout:in_transit', 'platform:commission', 'platform:premium',
      'platform:deposits')
      or account like 'tax:%'
    group by account, currency_code order by account, currency_code`.execute(db)
  return rows
}

export interface VerifiedInvoice {
  series: string
  number: bigint
  snapshot: string
  sha256: Buffer
}

/** Invoices of a series after a number. */
export async function readSeries(
  db: Kysely<Database>,
  series: string,
  after: bigint,
  limit: number,
): Promise<VerifiedInvoice[]> {
  const { rows } = await sql<VerifiedInvoice>`
    select series, number, snapshot, sha256 from invoices
    where series = ${series} and number > ${after} order by number limit ${limit}`.execute(db)
  return rows
}

/** Every series with the last number that it gave. */
export async function readLastNumbers(
  db: Kysely<Database>,
): Promise<{ series: string; lastNumber: bigint }[]> {
  return db
    .selectFrom('invoice_series')
    .select(['series', 'last_number as lastNumber'])
    .orderBy('series')
    .execute()
}

/** Entries of sales after one; `isForgotten`: it earned something, has no invoice, and none will be issued. */
export async function readEarnings(
  db: Kysely<Database>,
  after: bigint,
  limit: number,
): Promise<{ id: bigint; key: string; isForgotten: boolean }[]> {
  const { rows } = await sql<{ id: bigint; key: string; isForgotten: boolean }>`
    select e.id, e.key,
      exists (select from ledger_postings p
        where p.entry_id = e.id and p.account in ('platform:commission', 'platform:premium'))
      and exists (select from sales s where s.payment_id = e.payment_id and s.order_id = e.order_id)
      and not exists (select from invoices i where i.entry_id = e.id)
      and not exists (select from invoice_tasks k where k.entry_id = e.id) as "isForgotten"
    from ledger_entries e where e.id > ${after} order by e.id limit ${limit}`.execute(db)
  return rows
}

export interface VerifiedPayout {
  id: string
  state: string
  amount: bigint
  reversedAmount: bigint
  /** Of the entries of its key: what left the seller, what was paid, what failed. Null: there is none. */
  sent: bigint | null
  done: bigint | null
  failed: bigint | null
  /** Of its reversals that did not fail. */
  reversals: bigint
  foreign: bigint
  /** Reversals that are done and not in the ledger with their amount, or in it and not done. */
  unposted: number
  /** Refunds that wait until it is known how it ended. */
  waits: number
}

/** Payouts after an id, beside what the ledger has of each. */
export async function readVerifiedPayouts(
  db: Kysely<Database>,
  after: string,
  limit: number,
): Promise<VerifiedPayout[]> {
  const posted = (suffix: string) => sql`(
    select -sum(amount) from ledger_entries e join ledger_postings p on p.entry_id = e.id and p.amount < 0
    where e.key = 'payout:' || o.id || ${suffix})::bigint`
  const { rows } = await sql<VerifiedPayout>`
    select o.id, o.state, o.amount, o.reversed_amount as "reversedAmount",
      ${posted('')} as sent, ${posted(':done')} as done, ${posted(':failed')} as failed, v.*,
      (select count(*)::int from payout_waits w where w.payout_id = o.id) as waits
    from (select * from payouts where id > ${after}::uuid order by id limit ${limit}) o, lateral (
      select coalesce(sum(r.amount) filter (where r.state <> 'failed'), 0)::bigint as reversals,
        coalesce(sum(r.amount) filter (where r.is_foreign), 0)::bigint as foreign,
        (count(*) filter (where (r.state = 'done') is distinct from (coalesce(l.amount, 0) = r.amount)))::int
          as unposted
      from payout_reversals r left join lateral (
        select sum(p.amount) as amount from ledger_entries e
        join ledger_postings p on p.entry_id = e.id and p.account = 'clearing:' || o.provider
        where e.key = 'reversal:' || r.id
          and e.kind = case when r.is_foreign then 'payout_returned' else 'payout_reversed' end
      ) l on true
      where r.payout_id = o.id
    ) v
    order by o.id`.execute(db)
  return rows
}

/** What an entry is about, by its key; null when the key names no id. Not compared as text: that reads whole tables. */
export const SUBJECT = sql`
  case when split_part(key, ':', 2) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    then split_part(key, ':', 2)::uuid end`

/** Entries about payouts after an id; `isOrphan`: there is no payout, or no reversal, that it could be about. */
export async function readPayoutEntries(
  db: Kysely<Database>,
  after: bigint,
  limit: number,
): Promise<{ id: bigint; key: string; isOrphan: boolean }[]> {
  const { rows } = await sql<{ id: bigint; key: string; isOrphan: boolean }>`
    select e.id, e.key, not exists (
        select from payouts where id = e.subject and e.key like 'payout:%'
      ) and not exists (
        select from payout_reversals where id = e.subject and e.key like 'reversal:%'
      ) as "isOrphan"
    from (select id, key, kind, ${SUBJECT} as subject from ledger_entries) e
    where e.kind in ('payout_sent', 'payout_done', 'payout_failed', 'payout_reversed', 'payout_returned')
      and e.id > ${after}
    order by e.id limit ${limit}`.execute(db)
  return rows
}

/** By currency: what open payouts say is on its way, and what the ledger says. */
export async function readInTransit(
  db: Kysely<Database>,
): Promise<{ currencyCode: string; open: bigint; posted: bigint }[]> {
  const { rows } = await sql<{ currencyCode: string; open: bigint; posted: bigint }>`
    select currency_code as "currencyCode", sum(open)::bigint as open, sum(posted)::bigint as posted from (
      select currency_code, amount as open, 0 as posted from payouts
      where state in ('planned', 'sending', 'unknown')
      union all
      select currency_code, 0, -amount from ledger_postings where account = 'payout:in_transit'
    ) as one group by currency_code order by currency_code`.execute(db)
  return rows
}

export interface VerifiedOwed {
  id: string
  state: 'open' | 'done' | 'given_up'
  amount: bigint
  /** Of its refunds that did not fail, and whether one of them is still under way. */
  given: bigint
  isPending: boolean
  /** Refunds of another order or payment. */
  strays: number
  hasDifference: boolean
}

/** What decisions owe buyers, after an id, beside what was given of it. */
export async function readVerifiedOwed(
  db: Kysely<Database>,
  after: string,
  limit: number,
): Promise<VerifiedOwed[]> {
  const { rows } = await sql<VerifiedOwed>`
    select o.id, o.state, o.amount,
      coalesce(sum(r.amount) filter (where r.state <> 'failed'), 0)::bigint as given,
      coalesce(bool_or(r.state = 'pending'), false) as "isPending",
      (count(r.id) filter (where (r.payment_id, r.order_id) <> (o.payment_id, o.order_id)))::int as strays,
      exists (select from payment_differences d where d.reference = o.id::text) as "hasDifference"
    from (select * from owed_refunds where id > ${after}::uuid order by id limit ${limit}) o
    left join refunds r on r.owed_id = o.id
    group by o.id, o.state, o.amount order by o.id`.execute(db)
  return rows
}

export interface VerifiedRefund {
  id: string
  state: 'pending' | 'done' | 'failed'
  amount: bigint
  /** What its entries owe the buyer, and gave. */
  due: bigint
  paid: bigint
}

/** Refunds after an id, beside what the ledger has of each. */
export async function readVerifiedRefunds(
  db: Kysely<Database>,
  after: string,
  limit: number,
): Promise<VerifiedRefund[]> {
  const { rows } = await sql<VerifiedRefund>`
    select r.id, r.state, r.amount,
      coalesce(-sum(p.amount) filter (where e.kind in ('refund', 'refund_failed')), 0)::bigint as due,
      coalesce(sum(p.amount) filter (where e.kind = 'refund_paid'), 0)::bigint as paid
    from (select * from refunds where id > ${after}::uuid order by id limit ${limit}) r
    left join ledger_entries e on e.key in ('refund:' || r.id, 'refund:' || r.id || ':paid', 'refund:' || r.id || ':failed')
    left join ledger_postings p on p.entry_id = e.id and p.account = 'refund:due'
    group by r.id, r.state, r.amount order by r.id`.execute(db)
  return rows
}
