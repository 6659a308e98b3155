import { NEXT_PATH } from '@auction/common/contracts/item-summaries.ts'
import { greater, halfUp, lesser } from '@auction/common/money.ts'
import type { Charges, Tax } from './sale.ts'

/** A row of the operators' table; absent fields mean every category, seller or currency. */
export interface CommissionRate {
  readonly id: string
  readonly categoryId: string | null
  readonly sellerId: string | null
  readonly currencyCode: string | null
  readonly basisPoints: number
  readonly minAmount: bigint | null
  readonly maxAmount: bigint | null
  readonly validFrom: Date
  readonly validTo: Date | null
  readonly createdAt: Date
}

export interface TaxRate {
  readonly jurisdiction: string
  readonly kind: 'commission' | 'premium'
  readonly basisPoints: number
  readonly validFrom: Date
  readonly validTo: Date | null
  readonly createdAt: Date
}

/** Why a line has the tax that it has. */
export type TaxReason =
  | 'standard'
  | 'reverse_charge'
  | 'exempt'
  | 'outside_scope'
  | 'not_registered'

export interface ChargedSale {
  readonly sellerId: string
  /** Each category of the item with those above it, the closest first, path after path with NEXT_PATH between. */
  readonly categoryIds: readonly string[]
  readonly currencyCode: string
  readonly sellerGross: bigint
  readonly premium: bigint
}

export interface ChargeTables {
  readonly commissionRates: readonly CommissionRate[]
  readonly taxRates: readonly TaxRate[]
  /** Where the platform is registered for tax; undefined: nowhere. */
  readonly jurisdiction: string | undefined
  /** Why the seller and the buyer are charged no tax. */
  readonly sellerStatus?: TaxReason | undefined
  readonly buyerStatus?: TaxReason | undefined
}

export interface TaxLine {
  readonly basisPoints: number
  readonly amount: bigint
  readonly reason: TaxReason
}

/** What the platform takes of a sale, and by which rates. */
export interface ChargeDecision {
  readonly rateId: string | null
  readonly basisPoints: number
  readonly commission: bigint
  readonly commissionTax: TaxLine
  readonly premiumTax: TaxLine
  readonly jurisdiction: string | null
}

const ALL = 10_000n

/** Decides what is taken of a sale at an instant. Without a rate that fits, no commission is taken. */
export function decideCharges(sale: ChargedSale, tables: ChargeTables, at: Date): ChargeDecision {
  const rate = pickRate(sale, tables.commissionRates, at)
  const { jurisdiction } = tables
  const taxOn = (kind: TaxRate['kind'], status: TaxReason | undefined) => {
    const found = newest(
      tables.taxRates.filter((one) => one.jurisdiction === jurisdiction && one.kind === kind),
      at,
    )
    if (jurisdiction === undefined || found === undefined) return NOT_REGISTERED
    return {
      basisPoints: status === undefined ? found.basisPoints : 0,
      reason: status ?? 'standard',
    }
  }
  const ofCommission = taxOn('commission', tables.sellerStatus)
  const ofPremium = taxOn('premium', tables.buyerStatus)
  const [commission, commissionTax] = fitted(
    rate === undefined ? 0n : commissionOf(sale.sellerGross, rate),
    ofCommission.basisPoints,
    sale.sellerGross,
  )
  return {
    rateId: rate?.id ?? null,
    basisPoints: rate?.basisPoints ?? 0,
    commission,
    commissionTax: { ...ofCommission, amount: commissionTax },
    premiumTax: { ...ofPremium, amount: taxInside(sale.premium, ofPremium.basisPoints) },
    jurisdiction: jurisdiction ?? null,
  }
}

const NOT_REGISTERED = { basisPoints: 0, reason: 'not_registered' } as const

/** The charges of a decision, as its capture posts them. */
export function chargesOf(decision: ChargeDecision): Charges {
  const tax = ({ amount }: TaxLine): Tax | undefined =>
    decision.jurisdiction === null || amount === 0n
      ? undefined
      : { jurisdiction: decision.jurisdiction, amount }
  return {
    commission: decision.commission,
    commissionTax: tax(decision.commissionTax),
    premiumTax: tax(decision.premiumTax),
  }
}

/**
 * The rate that decides. Sellers choose categories and their order, so each category is decided apart, and the dearest
 * counts: one more category never makes a sale cheaper.
 */
export function pickRate(
  sale: Omit<ChargedSale, 'premium'>,
  rates: readonly CommissionRate[],
  at: Date,
): CommissionRate | undefined {
  const costOf = (rate: CommissionRate) => commissionOf(sale.sellerGross, rate)
  return pathsOf(sale.categoryIds)
    .flatMap((categoryIds) => pickOnPath({ ...sale, categoryIds }, rates, at) ?? [])
    .sort((a, b) => compare([costOf(b)], [costOf(a)]) || byAge(a, b))[0]
}

function pathsOf(categoryIds: readonly string[]): string[][] {
  const paths: string[][] = [[]]
  for (const id of categoryIds) {
    if (id === NEXT_PATH) paths.push([])
    else paths.at(-1)?.push(id)
  }
  return paths
}

/**
 * Of one path: of the seller and category before of the seller, before of the category, before of all; of a closer
 * category before of one above it; of the currency before of every currency; then the newest.
 */
function pickOnPath(
  {
    sellerId,
    categoryIds,
    currencyCode,
  }: Pick<ChargedSale, 'sellerId' | 'categoryIds' | 'currencyCode'>,
  rates: readonly CommissionRate[],
  at: Date,
): CommissionRate | undefined {
  const fits = (own: string | null, other: string) => own === null || own === other
  const rankOf = (rate: CommissionRate) => {
    const depth = rate.categoryId === null ? -1 : categoryIds.indexOf(rate.categoryId)
    return [
      rate.sellerId === null ? 0 : 1,
      depth === -1 ? 0 : categoryIds.length - depth,
      rate.currencyCode === null ? 0 : 1,
    ]
  }
  return rates
    .filter((rate) => isValid(rate, at))
    .filter((rate) => fits(rate.sellerId, sellerId) && fits(rate.currencyCode, currencyCode))
    .filter(({ categoryId }) => categoryId === null || categoryIds.includes(categoryId))
    .sort((a, b) => compare(rankOf(b), rankOf(a)) || byAge(a, b))[0]
}

/** A part of the price, within the bounds of the rate, and never more than the price. */
export function commissionOf(
  gross: bigint,
  {
    basisPoints,
    minAmount,
    maxAmount,
  }: Pick<CommissionRate, 'basisPoints' | 'minAmount' | 'maxAmount'>,
): bigint {
  const part = halfUp(gross * BigInt(basisPoints), ALL)
  const atLeast = minAmount === null ? part : greater(part, minAmount)
  return lesser(maxAmount === null ? atLeast : lesser(atLeast, maxAmount), gross)
}

/** A commission with its tax on top, together no more than what the seller gets for the item. */
function fitted(commission: bigint, taxPoints: number, gross: bigint): [bigint, bigint] {
  const tax = halfUp(commission * BigInt(taxPoints), ALL)
  if (commission + tax <= gross) return [commission, tax]
  const inside = taxInside(gross, taxPoints)
  return [gross - inside, inside]
}

/** The tax that is inside an amount. */
export function taxInside(amount: bigint, basisPoints: number): bigint {
  return halfUp(amount * BigInt(basisPoints), ALL + BigInt(basisPoints))
}

function newest<T extends Pick<TaxRate, 'validFrom' | 'validTo' | 'createdAt'>>(
  rates: readonly T[],
  at: Date,
): T | undefined {
  return rates.filter((rate) => isValid(rate, at)).sort(byAge)[0]
}

const isValid = ({ validFrom, validTo }: Pick<TaxRate, 'validFrom' | 'validTo'>, at: Date) =>
  validFrom <= at && (validTo === null || at < validTo)

/** The one that began last first; of two that began at once, the one that was entered last. */
const byAge = (
  a: Pick<TaxRate, 'validFrom' | 'createdAt'>,
  b: Pick<TaxRate, 'validFrom' | 'createdAt'>,
) => b.validFrom.getTime() - a.validFrom.getTime() || b.createdAt.getTime() - a.createdAt.getTime()

function compare<T extends number | bigint>(a: readonly T[], b: readonly T[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index]
    if (other !== undefined && value !== other) return value < other ? -1 : 1
  }
  return 0
}
