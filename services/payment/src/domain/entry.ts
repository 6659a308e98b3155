import type { Account } from './accounts.ts'

export type EntryKind =
  | 'capture'
  | 'release'
  | 'refund'
  | 'refund_paid'
  | 'refund_failed'
  | 'dispute_opened'
  | 'dispute_won'
  | 'dispute_lost'
  | 'payout_sent'
  | 'payout_done'
  | 'payout_failed'
  | 'payout_reversed'
  | 'payout_returned'
  | 'provider_cost'
  | 'deposit_captured'
  | 'deposit_returned'
  | 'deposit_refunded'
  | 'correction'

/** Minor units that move into an account (above zero) or out of it. */
export interface Posting {
  readonly account: Account
  readonly currencyCode: string
  readonly amount: bigint
}

/** A fact about money. Its key names the fact, so that it is posted once: `capture:{payment}:{order}`. */
export interface Entry {
  readonly key: string
  readonly kind: EntryKind
  readonly orderId?: string | undefined
  readonly paymentId?: string | undefined
  readonly postings: readonly Posting[]
}

/** Postings without those that move nothing. Throws when the rest is not two or more that add up to zero. */
export function balanced(postings: readonly Posting[]): Posting[] {
  const moving = postings.filter(({ amount }) => amount !== 0n)
  const totals = new Map<string, bigint>()
  for (const { currencyCode, amount } of moving) {
    totals.set(currencyCode, (totals.get(currencyCode) ?? 0n) + amount)
  }
  for (const [currencyCode, total] of totals) {
    if (total !== 0n) throw new RangeError(`postings in ${currencyCode} add up to ${total}`)
  }
  if (moving.length < 2) throw new RangeError('an entry has two postings at least')
  return moving
}
