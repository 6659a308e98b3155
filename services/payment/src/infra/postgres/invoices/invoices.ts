import { newId } from '@auction/common/ids.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Posting } from '#src/domain/entry.ts'
import type { InvoicedSale, Series } from '#src/domain/invoice.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface InvoiceTask {
  entryId: bigint
  postings: Posting[]
  /** Null: the entry is of no sale, so it is no one's to be invoiced. */
  sale: InvoicedSale | null
}

interface TaskRow {
  entryId: bigint
  postings: { account: Posting['account']; currencyCode: string; amount: string }[]
  sale: InvoicedSale | null
}

/** Locks the counters of all series, always in one order: two workers never wait for each other. */
export async function lockSeries(tx: Transaction<Database>): Promise<void> {
  await sql`select from invoice_series order by series for update`.execute(tx)
}

/** Does one thing of a transaction; what it did is undone when it fails, and the transaction goes on. Undefined: it did not fail. */
export async function failureOf(
  tx: Transaction<Database>,
  work: () => Promise<void>,
): Promise<unknown> {
  await sql`savepoint one`.execute(tx)
  try {
    await work()
    await sql`release savepoint one`.execute(tx)
    return undefined
  } catch (error) {
    await sql`rollback to savepoint one`.execute(tx)
    return error
  }
}

export async function endTask(tx: Transaction<Database>, entryId: bigint): Promise<void> {
  await tx.deleteFrom('invoice_tasks').where('entry_id', '=', entryId).execute()
}

/** It is tried again 10 s, 20 s, 40 s … an hour later. */
export async function postponeTask(
  tx: Transaction<Database>,
  entryId: bigint,
  problem: string,
): Promise<void> {
  await sql`
    update invoice_tasks set
      failures = failures + 1, problem = ${problem},
      due_at = clock_timestamp() + least(10 * 2 ^ least(failures, 20), 3600) * interval '1 second'
    where entry_id = ${entryId}`.execute(tx)
}

/** Takes entries that are to be invoiced, the oldest first; they are locked until the commit. */
export async function takeTasks(tx: Transaction<Database>, limit: number): Promise<InvoiceTask[]> {
  const { rows } = await sql<TaskRow>`
    with taken as (
      select entry_id from invoice_tasks where due_at <= statement_timestamp()
      order by entry_id limit ${limit} for update skip locked
    )
    select e.id as "entryId", (
        select json_agg(json_build_object('account', account, 'currencyCode', currency_code, 'amount', amount::text))
        from ledger_postings where entry_id = e.id
      ) as postings,
      case when s.payment_id is null then null else json_build_object(
        'paymentId', s.payment_id, 'orderId', s.order_id, 'itemId', s.item_id,
        'sellerId', s.seller_id, 'buyerId', s.buyer_id, 'currencyCode', s.currency_code,
        'commissionBasisPoints', s.commission_basis_points,
        'commissionTaxBasisPoints', s.commission_tax_basis_points, 'commissionTaxReason', s.commission_tax_reason,
        'premiumTaxBasisPoints', s.premium_tax_basis_points, 'premiumTaxReason', s.premium_tax_reason
      ) end as sale
    from taken join ledger_entries e on e.id = taken.entry_id
      left join sales s on s.payment_id = e.payment_id and s.order_id = e.order_id
    order by e.id`.execute(tx)
  return rows.map(({ entryId, postings, sale }) => ({
    entryId,
    sale,
    postings: postings.map((one) => ({ ...one, amount: BigInt(one.amount) })),
  }))
}

/** The next number of a series. Its row is locked until the commit, so a number that is rolled back is given again. */
export async function nextNumber(tx: Transaction<Database>, series: Series): Promise<bigint> {
  const { last_number } = await tx
    .updateTable('invoice_series')
    .set({ last_number: sql`last_number + 1` })
    .where('series', '=', series)
    .returning('last_number')
    .executeTakeFirstOrThrow()
  return last_number
}

/** The invoice of a sale that a credit note takes something back of. */
export async function readCorrected(
  tx: Transaction<Database>,
  { paymentId, orderId }: InvoicedSale,
  subject: 'commission' | 'premium',
): Promise<{ id: string; number: bigint } | undefined> {
  return tx
    .selectFrom('invoices')
    .select(['id', 'number'])
    .where('payment_id', '=', paymentId)
    .where('order_id', '=', orderId)
    .where('series', '=', subject)
    .orderBy('number')
    .limit(1)
    .executeTakeFirst()
}

export interface NewInvoice {
  series: Series
  number: bigint
  entryId: bigint
  userId: string
  sale: InvoicedSale
  corrects: string | null
  net: bigint
  tax: bigint
  snapshot: string
  sha256: Buffer
  issuedAt: Date
}

export async function insertInvoice(
  tx: Transaction<Database>,
  { sale, ...invoice }: NewInvoice,
): Promise<string> {
  const id = newId()
  await tx
    .insertInto('invoices')
    .values({
      id,
      series: invoice.series,
      number: invoice.number,
      entry_id: invoice.entryId,
      user_id: invoice.userId,
      payment_id: sale.paymentId,
      order_id: sale.orderId,
      corrects: invoice.corrects,
      currency_code: sale.currencyCode,
      net: invoice.net,
      tax: invoice.tax,
      snapshot: invoice.snapshot,
      sha256: invoice.sha256,
      issued_at: invoice.issuedAt,
    })
    .execute()
  await tx.insertInto('unrendered_invoices').values({ invoice_id: id }).execute()
  return id
}

/** Locks an invoice without a document; undefined: every one has one, or is being rendered. */
export async function lockUnrendered(
  tx: Transaction<Database>,
): Promise<{ id: string; snapshot: string } | undefined> {
  const { rows } = await sql<{ id: string; snapshot: string }>`
    select i.id, i.snapshot from unrendered_invoices u join invoices i on i.id = u.invoice_id
    order by i.id limit 1 for update of u skip locked`.execute(tx)
  return rows[0]
}

export async function storeDocument(
  tx: Transaction<Database>,
  invoiceId: string,
  pdf: Buffer,
  digest: Buffer,
): Promise<void> {
  await tx
    .insertInto('invoice_documents')
    .values({ invoice_id: invoiceId, pdf, sha256: digest })
    .execute()
  await tx.deleteFrom('unrendered_invoices').where('invoice_id', '=', invoiceId).execute()
}

/** A user's invoices, the latest first. */
export async function readInvoices(
  db: Kysely<Database>,
  userId: string,
  page: { after: string | undefined; orderId: string | undefined; limit: number },
): Promise<{ id: string; snapshot: string }[]> {
  const { after, orderId, limit } = page
  return db
    .selectFrom('invoices')
    .select(['id', 'snapshot'])
    .where('user_id', '=', userId)
    .$if(after !== undefined, (query) => query.where('id', '<', after ?? ''))
    .$if(orderId !== undefined, (query) =>
      query
        .where('order_id', '=', orderId ?? '')
        // By the index of sales: a seller may have a hundred thousand invoices.
        .where('payment_id', 'in', (paid) =>
          paid
            .selectFrom('payment_orders')
            .select('payment_id')
            .where('order_id', '=', orderId ?? ''),
        ),
    )
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

export interface OwnInvoice {
  id: string
  snapshot: string
  sha256: Buffer
  pdf: Buffer | null
}

export async function readInvoice(
  db: Kysely<Database>,
  id: string,
  userId: string,
): Promise<OwnInvoice | undefined> {
  return db
    .selectFrom('invoices')
    .leftJoin('invoice_documents', 'invoice_documents.invoice_id', 'invoices.id')
    .select(['invoices.id', 'snapshot', 'invoices.sha256', 'pdf'])
    .where('invoices.id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst()
}

export interface InvoiceBacklog {
  /** Age of the oldest entry that is not invoiced. */
  oldestSeconds: number
  unrendered: number
}

export async function readInvoiceBacklog(db: Kysely<Database>): Promise<InvoiceBacklog> {
  const { rows } = await sql<InvoiceBacklog>`
    select
      (select coalesce(extract(epoch from clock_timestamp() - min(e.posted_at)), 0)::float8
        from invoice_tasks t join ledger_entries e on e.id = t.entry_id) as "oldestSeconds",
      (select count(*)::int from unrendered_invoices) as unrendered`.execute(db)
  return rows[0] ?? { oldestSeconds: 0, unrendered: 0 }
}
