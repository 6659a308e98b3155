import { type Kysely, sql, type Transaction } from 'kysely'
import type { ChargeDecision } from '#src/domain/charges.ts'
import type { PostedEntry, Sale } from '#src/domain/sale.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** A sale as it is captured: what the ledger needs, and between whom it is about what. */
export interface NewSale extends Sale {
  itemId: string
  buyerId: string
}

export interface StoredSale extends NewSale {
  completedAt: Date | null
}

export interface SaleId {
  paymentId: string
  orderId: string
}

/** False: this order of this payment is there already. */
export async function insertSale(
  tx: Transaction<Database>,
  sale: NewSale,
  { commissionTax, premiumTax, ...charges }: ChargeDecision,
): Promise<boolean> {
  const inserted = await tx
    .insertInto('sales')
    .values({
      payment_id: sale.paymentId,
      order_id: sale.orderId,
      item_id: sale.itemId,
      seller_id: sale.sellerId,
      buyer_id: sale.buyerId,
      provider: sale.provider,
      currency_code: sale.currencyCode,
      seller_gross: sale.sellerGross,
      premium: sale.premium,
      commission_rate_id: charges.rateId,
      commission_basis_points: charges.basisPoints,
      commission: charges.commission,
      commission_tax: commissionTax.amount,
      commission_tax_basis_points: commissionTax.basisPoints,
      commission_tax_reason: commissionTax.reason,
      premium_tax: premiumTax.amount,
      premium_tax_basis_points: premiumTax.basisPoints,
      premium_tax_reason: premiumTax.reason,
      jurisdiction: charges.jurisdiction,
    })
    .onConflict((conflict) => conflict.columns(['payment_id', 'order_id']).doNothing())
    .returning('order_id')
    .executeTakeFirst()
  return inserted !== undefined
}

const COLUMNS = [
  'payment_id as paymentId',
  'order_id as orderId',
  'item_id as itemId',
  'seller_id as sellerId',
  'buyer_id as buyerId',
  'provider',
  'currency_code as currencyCode',
  'seller_gross as sellerGross',
  'premium',
  'completed_at as completedAt',
] as const

/** Locks a sale: what is posted for it depends on everything that was posted before. */
export async function lockSale(
  tx: Transaction<Database>,
  { paymentId, orderId }: SaleId,
): Promise<StoredSale | undefined> {
  return tx
    .selectFrom('sales')
    .select(COLUMNS)
    .where('payment_id', '=', paymentId)
    .where('order_id', '=', orderId)
    .forUpdate()
    .executeTakeFirst()
}

/** Marks the sales of an order as completed and locks them; those that were so before come too. */
export async function completeSales(
  tx: Transaction<Database>,
  orderId: string,
  at: Date,
): Promise<StoredSale[]> {
  return tx
    .updateTable('sales')
    .set({ completed_at: sql`coalesce(completed_at, ${at})` })
    .where('order_id', '=', orderId)
    .returning(COLUMNS)
    .execute()
}

/** What a dispute was opened with, by order. */
export async function readDisputeParts(
  db: Kysely<Database>,
  paymentId: string,
  keys: readonly string[],
): Promise<{ orderId: string; amount: bigint }[]> {
  const { rows } = await sql<{ orderId: string; amount: bigint }>`
    select e.order_id as "orderId", p.amount
    from ledger_entries e join ledger_postings p on p.entry_id = e.id and p.account = 'dispute:held'
    where e.key = any(${keys}::text[]) and e.payment_id = ${paymentId}
    order by e.order_id`.execute(db)
  return rows
}

/** The entries of a sale in the order in which they were posted. */
export async function readSaleEntries(
  db: Kysely<Database>,
  { paymentId, orderId }: SaleId,
): Promise<(PostedEntry & { key: string })[]> {
  const { rows } = await sql<{
    key: string
    kind: PostedEntry['kind']
    postings: {
      account: PostedEntry['postings'][number]['account']
      currencyCode: string
      amount: string
    }[]
  }>`
    select e.key, e.kind, (
      select json_agg(json_build_object('account', account, 'currencyCode', currency_code, 'amount', amount::text)
        order by line)
      from ledger_postings where entry_id = e.id
    ) as postings
    from ledger_entries e
    where order_id = ${orderId} and payment_id = ${paymentId} order by id`.execute(db)
  return rows.map(({ key, kind, postings }) => ({
    key,
    kind,
    postings: postings.map(({ account, currencyCode, amount }) => ({
      account,
      currencyCode,
      amount: BigInt(amount),
    })),
  }))
}
