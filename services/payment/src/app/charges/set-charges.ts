import type { Transaction } from 'kysely'
import { chargeErrors } from '#src/errors.ts'
import { insertCommissionRate, insertTaxRate } from '#src/infra/postgres/sales/rate-tables.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** A rate as it may wait for a second operator: amounts are texts of minor units, instants ISO 8601. */
export interface RateCommand {
  categoryId: string | null
  sellerId: string | null
  currencyCode: string | null
  basisPoints: number
  minAmount: string | null
  maxAmount: string | null
  /** Null: from when it is added. */
  validFrom: string | null
  validTo: string | null
}

export interface TaxRateCommand {
  jurisdiction: string
  kind: 'commission' | 'premium'
  basisPoints: number
  validFrom: string | null
  validTo: string | null
}

const timesOf = ({
  validFrom,
  validTo,
}: Pick<RateCommand, 'validFrom' | 'validTo'>): {
  validFrom: Date | undefined
  validTo: Date | null
} => ({
  validFrom: validFrom === null ? undefined : new Date(validFrom),
  validTo: validTo === null ? null : new Date(validTo),
})

const amountOf = (text: string | null) => (text === null ? null : BigInt(text))

/** Adds a rate of commission. Throws when it would begin in the past, or end before it begins. */
export async function addCommissionRate(
  tx: Transaction<Database>,
  { minAmount, maxAmount, ...rate }: RateCommand,
  createdBy: string,
): Promise<string> {
  const id = await insertCommissionRate(tx, {
    ...rate,
    ...timesOf(rate),
    minAmount: amountOf(minAmount),
    maxAmount: amountOf(maxAmount),
    createdBy,
  })
  if (id === undefined) throw chargeErrors.invalidTime()
  return id
}

/** Adds a rate of tax. Throws when it would begin in the past, or end before it begins. */
export async function addTaxRate(
  tx: Transaction<Database>,
  rate: TaxRateCommand,
  createdBy: string,
): Promise<string> {
  const id = await insertTaxRate(tx, { ...rate, ...timesOf(rate), createdBy })
  if (id === undefined) throw chargeErrors.invalidTime()
  return id
}
