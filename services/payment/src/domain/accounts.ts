/**
 * The accounts of the ledger (docs/money.md). Assets and costs are above zero, debts and income below: what the
 * platform owes a seller is a balance below zero of `seller:…`.
 */
export type Account =
  | `clearing:${string}`
  | `seller:pending:${string}`
  | `seller:payable:${string}`
  | 'platform:commission'
  | 'platform:premium'
  | 'platform:deposits'
  | `tax:${string}:${'commission' | 'premium'}`
  | 'provider:costs'
  | 'payout:in_transit'
  | 'dispute:held'
  | 'refund:due'

/** Money that a provider has taken in for us and not paid out. */
export const clearing = (provider: string): Account => `clearing:${provider}`
/** What a seller gets once the order is completed. */
export const sellerPending = (sellerId: string): Account => `seller:pending:${sellerId}`
/** What is paid out to a seller next; above zero, the seller owes it. */
export const sellerPayable = (sellerId: string): Account => `seller:payable:${sellerId}`
/** Tax that the platform owes on what it earned, by country or region: `DE`, `US-CA`. */
export const taxOf = (jurisdiction: string, on: 'commission' | 'premium'): Account =>
  `tax:${jurisdiction}:${on}`
