import { newId } from '@auction/common/ids.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { CommissionRate, TaxRate } from '#src/domain/charges.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { selectCommissionRates } from './rates.ts'

export type NewCommissionRate = Omit<CommissionRate, 'id' | 'createdAt' | 'validFrom'> & {
  /** Undefined: from now on. */
  validFrom: Date | undefined
  createdBy: string
}

/** False: it would begin in the past, or end before it begins. */
export async function insertCommissionRate(
  tx: Transaction<Database>,
  rate: NewCommissionRate,
): Promise<string | undefined> {
  const id = newId()
  const { rows } = await sql<{ id: string }>`
    with now as (select date_trunc('milliseconds', clock_timestamp()) as at)
    insert into commission_rates (id, category_id, seller_id, currency_code, basis_points, min_amount, max_amount,
      valid_from, valid_to, created_by, created_at)
    select ${id}, ${rate.categoryId}, ${rate.sellerId}, ${rate.currencyCode}, ${rate.basisPoints},
      ${rate.minAmount?.toString() ?? null}::bigint, ${rate.maxAmount?.toString() ?? null}::bigint,
      coalesce(${rate.validFrom ?? null}::timestamptz, at), ${rate.validTo}, ${rate.createdBy}, at
    from now
    where coalesce(${rate.validFrom ?? null}::timestamptz, at) >= at
      and (${rate.validTo}::timestamptz is null
        or ${rate.validTo}::timestamptz > coalesce(${rate.validFrom ?? null}::timestamptz, at))
    returning id`.execute(tx)
  return rows[0]?.id
}

export type NewTaxRate = Omit<TaxRate, 'createdAt' | 'validFrom'> & {
  validFrom: Date | undefined
  createdBy: string
}

export async function insertTaxRate(
  tx: Transaction<Database>,
  rate: NewTaxRate,
): Promise<string | undefined> {
  const id = newId()
  const { rows } = await sql<{ id: string }>`
    with now as (select date_trunc('milliseconds', clock_timestamp()) as at)
    insert into tax_rates (id, jurisdiction, kind, basis_points, valid_from, valid_to, created_by, created_at)
    select ${id}, ${rate.jurisdiction}, ${rate.kind}, ${rate.basisPoints},
      coalesce(${rate.validFrom ?? null}::timestamptz, at), ${rate.validTo}, ${rate.createdBy}, at
    from now
    where coalesce(${rate.validFrom ?? null}::timestamptz, at) >= at
      and (${rate.validTo}::timestamptz is null
        or ${rate.validTo}::timestamptz > coalesce(${rate.validFrom ?? null}::timestamptz, at))
    returning id`.execute(tx)
  return rows[0]?.id
}

/** Rates of which the newest begin last; enough for a page of an administrator. */
export async function listCommissionRates(
  db: Kysely<Database>,
  limit: number,
): Promise<CommissionRate[]> {
  return selectCommissionRates(db)
    .orderBy('valid_from', 'desc')
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute()
}

/** The rates for all sellers that are valid now: of each category and currency the one that began last. */
export async function listOpenRates(
  db: Kysely<Database>,
  limit: number,
): Promise<CommissionRate[]> {
  return selectCommissionRates(db)
    .distinctOn(['category_id', 'currency_code'])
    .where('seller_id', 'is', null)
    .where('valid_from', '<=', sql<Date>`statement_timestamp()`)
    .where((eb) =>
      eb.or([eb('valid_to', 'is', null), eb('valid_to', '>', sql<Date>`statement_timestamp()`)]),
    )
    .orderBy('category_id')
    .orderBy('currency_code')
    .orderBy('valid_from', 'desc')
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute()
}

/** The rate that was added last of those for the same category, seller and currency. */
export async function readNewestRate(
  tx: Transaction<Database>,
  {
    categoryId,
    sellerId,
    currencyCode,
  }: Pick<CommissionRate, 'categoryId' | 'sellerId' | 'currencyCode'>,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from commission_rates
    where category_id is not distinct from ${categoryId}::uuid and seller_id is not distinct from ${sellerId}::uuid
      and currency_code is not distinct from ${currencyCode}::text
    order by created_at desc, id desc limit 1`.execute(tx)
  return rows[0]?.id
}

/** The rate of tax that was added last of those for the same office and kind. */
export async function readNewestTaxRate(
  tx: Transaction<Database>,
  { jurisdiction, kind }: Pick<TaxRate, 'jurisdiction' | 'kind'>,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from tax_rates where jurisdiction = ${jurisdiction} and kind = ${kind}
    order by created_at desc, id desc limit 1`.execute(tx)
  return rows[0]?.id
}

/** When the tax status of a user was set last; undefined: never. */
export async function readTaxStatusTime(
  tx: Transaction<Database>,
  userId: string,
): Promise<string | undefined> {
  const { rows } = await sql<{ at: string }>`
    select set_at::text as at from tax_statuses where user_id = ${userId}`.execute(tx)
  return rows[0]?.at
}

export interface TaxStatus {
  userId: string
  reason: 'reverse_charge' | 'exempt' | 'outside_scope'
  note: string
  setBy: string
}

export async function putTaxStatus(db: Kysely<Database>, status: TaxStatus): Promise<void> {
  const { userId, reason, note, setBy } = status
  await db
    .insertInto('tax_statuses')
    .values({ user_id: userId, reason, note, set_by: setBy })
    .onConflict((conflict) =>
      conflict
        .column('user_id')
        .doUpdateSet({ reason, note, set_by: setBy, set_at: sql`clock_timestamp()` }),
    )
    .execute()
}
