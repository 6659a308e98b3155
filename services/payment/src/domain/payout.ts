import { lesser } from '@auction/common/money.ts'
import { clearing, sellerPayable } from './accounts.ts'
import type { Entry } from './entry.ts'
import type { Money } from './provider.ts'

/** Of sellers whom a person pays by a bank. */
export const MANUAL = 'manual'

/** Money on its way to a seller. */
export interface Payout {
  readonly id: string
  readonly sellerId: string
  readonly currencyCode: string
  readonly amount: bigint
  readonly provider: string
  /** Recorded traces in which its orders were completed. */
  readonly traceparents?: readonly string[]
}

/** It was planned: the seller is not owed it any more, and no other payout can be of the same money. */
export function payoutSent({ id, sellerId, currencyCode, amount }: Payout): Entry {
  return {
    key: `payout:${id}`,
    kind: 'payout_sent',
    postings: [
      { account: sellerPayable(sellerId), currencyCode, amount },
      { account: 'payout:in_transit', currencyCode, amount: -amount },
    ],
  }
}

/** The provider paid it out of what it held for us. */
export function payoutDone({ id, provider, currencyCode, amount }: Payout): Entry {
  return {
    key: `payout:${id}:done`,
    kind: 'payout_done',
    postings: [
      { account: 'payout:in_transit', currencyCode, amount },
      { account: clearing(provider), currencyCode, amount: -amount },
    ],
  }
}

/** It could not be paid out: the seller is owed it again. */
export function payoutFailed({ id, sellerId, currencyCode, amount }: Payout): Entry {
  return {
    key: `payout:${id}:failed`,
    kind: 'payout_failed',
    postings: [
      { account: 'payout:in_transit', currencyCode, amount },
      { account: sellerPayable(sellerId), currencyCode, amount: -amount },
    ],
  }
}

/** What we asked the provider to take back of a payout came: the seller owes so much less. */
export function payoutReversed(payout: Payout, reversalId: string, amount: bigint): Entry {
  return { ...cameBack(payout, amount), key: `reversal:${reversalId}`, kind: 'payout_reversed' }
}

/** Money of a payout came back by itself: the seller is owed it again. */
export function payoutReturned(payout: Payout, reversalId: string, amount: bigint): Entry {
  return { ...cameBack(payout, amount), key: `reversal:${reversalId}`, kind: 'payout_returned' }
}

function cameBack(
  { provider, sellerId, currencyCode }: Payout,
  amount: bigint,
): Pick<Entry, 'postings'> {
  return {
    postings: [
      { account: clearing(provider), currencyCode, amount },
      { account: sellerPayable(sellerId), currencyCode, amount: -amount },
    ],
  }
}

/**
 * Which payouts are reversed, the latest first, for what the seller owes. `mostOf`: the most of an amount that the
 * provider takes back at once; what it cannot stays a debt.
 */
export function shareDebt(
  debt: bigint,
  payouts: readonly { id: string; left: bigint }[],
  mostOf: (amount: bigint) => bigint,
): { id: string; amount: bigint }[] {
  let rest = debt
  return payouts.flatMap(({ id, left }) => {
    const amount = mostOf(lesser(rest, left))
    if (amount <= 0n) return []
    rest -= amount
    return [{ id, amount }]
  })
}

export interface ProviderReversal {
  /** Ours, when we asked for it. */
  readonly reversalId: string | undefined
  readonly reference: string
  readonly amount: bigint
}

/** What the provider says of a transfer. Absent: it never got the request, so the same one may be sent again. */
export type TransferState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'pending'; readonly reference: string }
  | {
      readonly kind: 'done'
      readonly reference: string
      readonly reversals?: readonly ProviderReversal[]
    }
  | {
      readonly kind: 'failed'
      readonly reference?: string
      readonly code: string
      /** True: the account of the seller is why, so the next payout to it would fail too. */
      readonly isOfAccount?: boolean
    }

export interface TransferRequest extends Payout {
  readonly accountReference: string
}

/** A payout that was paid, of which something is to come back. */
export interface ReversalRequest {
  readonly transferReference: string
  readonly reversalId: string
  readonly amount: bigint
  readonly currencyCode: string
}

/** Pays sellers out. The same key has its effect once. */
export interface TransferProvider {
  readonly name: string
  /** A state that is not `pending` or `done` means that nothing was paid; an error, that it is not known. */
  transfer(request: TransferRequest, key: string): Promise<TransferState>
  lookTransfer(request: TransferRequest): Promise<TransferState>
  /** The most of it that one payout can be of; zero: the provider does not take the currency. */
  payable(money: Money): bigint
}

/** Whether a seller can be paid. */
export interface AccountState {
  /** onboarding: the seller has not given everything yet. restricted: the provider does not pay to it. */
  readonly state: 'onboarding' | 'enabled' | 'restricted'
  readonly code: string | undefined
}

/** One transfer in the provider's books. */
export interface ProviderTransfer {
  readonly reference: string
  readonly payoutId: string | undefined
  readonly currencyCode: string
  /** Text, as the provider writes it: in a currency that we never send. */
  readonly amount: bigint | string
  readonly reversed: bigint | string
  readonly accountReference: string
}

/** A company with which sellers have accounts of their own. */
export interface PayoutProvider extends TransferProvider {
  openAccount(
    seller: { sellerId: string; country: string | undefined },
    key: string,
  ): Promise<{ reference: string }>
  /** A page on which the seller gives bank details, or changes them. */
  onboardingPage(
    reference: string,
    urls: { returnUrl: string; refreshUrl: string },
  ): Promise<{ url: string; expiresAt: Date }>
  lookAccount(reference: string): Promise<AccountState>
  /** Whether an error says that the account is not one of ours any more. */
  isAccountGone(error: unknown): boolean
  /** Throws a refusal when the seller has not so much any more. */
  reverse(request: ReversalRequest, key: string): Promise<{ reference: string }>
  /** Every transfer that was made between two instants, in pages. */
  transfers(from: Date, to: Date): AsyncIterable<ProviderTransfer>
}

const HOUR_MS = 3_600_000

/** How long a payout waits for an account that is not enabled: an hour, and longer the longer it is so, a day at most. */
export const disabledDelayMs = (forMs: number): number =>
  Math.min(Math.max(forMs, HOUR_MS), 24 * HOUR_MS)

/** How long to wait before looking again: a minute, doubled, up to an hour. */
export function retryDelayMs(tries: number): number {
  return Math.min(60_000 * 2 ** Math.max(tries - 1, 0), 3_600_000)
}
