import { type Kysely, sql } from 'kysely'
import type { ChargeTables, CommissionRate, TaxRate, TaxReason } from '#src/domain/charges.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Every rate that can decide about a sale of this seller in these categories. */
export async function readChargeTables(
  db: Kysely<Database>,
  sale: { sellerId: string; buyerId?: string; categoryIds: readonly string[] },
  jurisdiction: string | undefined,
): Promise<ChargeTables> {
  const commissionRates = await selectCommissionRates(db)
    .where((where) =>
      where.or([where('seller_id', 'is', null), where('seller_id', '=', sale.sellerId)]),
    )
    .where((where) =>
      where.or([
        where('category_id', 'is', null),
        ...(sale.categoryIds.length === 0
          ? []
          : [where('category_id', 'in', [...sale.categoryIds])]),
      ]),
    )
    .execute()
  const statuses = await db
    .selectFrom('tax_statuses')
    .select(['user_id', 'reason'])
    .where('user_id', 'in', [sale.sellerId, ...(sale.buyerId === undefined ? [] : [sale.buyerId])])
    .execute()
  const statusOf = (userId: string | undefined): TaxReason | undefined =>
    statuses.find(({ user_id }) => user_id === userId)?.reason
  return {
    commissionRates,
    taxRates: jurisdiction === undefined ? [] : await readTaxRates(db, jurisdiction),
    jurisdiction,
    sellerStatus: statusOf(sale.sellerId),
    buyerStatus: statusOf(sale.buyerId),
  }
}

export function selectCommissionRates(db: Kysely<Database>) {
  return db
    .selectFrom('commission_rates')
    .select([
      'id',
      'category_id as categoryId',
      'seller_id as sellerId',
      'currency_code as currencyCode',
      'basis_points as basisPoints',
      'min_amount as minAmount',
      'max_amount as maxAmount',
      'valid_from as validFrom',
      'valid_to as validTo',
      'created_at as createdAt',
    ])
    .$narrowType<CommissionRate>()
}

async function readTaxRates(db: Kysely<Database>, jurisdiction: string): Promise<TaxRate[]> {
  return db
    .selectFrom('tax_rates')
    .select([
      'jurisdiction',
      'kind',
      'basis_points as basisPoints',
      'valid_from as validFrom',
      'valid_to as validTo',
      'created_at as createdAt',
    ])
    .where('jurisdiction', '=', jurisdiction)
    .execute()
}

/** Whether a rate of a category is valid, or will be. */
export async function dependsOnCategories(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ depends: boolean }>`
    select exists (
      select from commission_rates
      where category_id is not null and (valid_to is null or valid_to > statement_timestamp())
    ) as depends`.execute(db)
  return rows[0]?.depends === true
}
