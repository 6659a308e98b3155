import { clearing, sellerPayable } from './accounts.ts'
import type { Entry } from './entry.ts'
import type { OperationState } from './judge-payment.ts'
import type { Money, ProviderState } from './provider.ts'

export type DepositState =
  | 'requested'
  | 'held'
  | 'released'
  | 'captured'
  | 'returned'
  | 'expired'
  | 'failed'
  | 'mismatch'

/** What is to become of a deposit. It is decided once, and null until then. */
export type DepositWish = 'release' | 'capture'

/** What we know of a deposit when we look at the provider. */
export interface DepositFacts {
  readonly state: DepositState
  readonly money: Money
  readonly wish: DepositWish | null
  /** Undefined: not planned. */
  readonly capture: OperationState | undefined
  readonly holdEndsAt: Date | null
}

export type DepositVerdict =
  /** The provider goes on, or the card holds it as we know; look again later. */
  | { readonly kind: 'wait' }
  /** The card holds it now. */
  | { readonly kind: 'hold' }
  /** Ask the provider to take it, or once more whether it took it. */
  | { readonly kind: 'capture' }
  /** Ask the provider to let go. */
  | { readonly kind: 'cancel' }
  /** It is taken. */
  | { readonly kind: 'settle' }
  /** It is over, and nothing was taken. */
  | { readonly kind: 'end'; readonly state: 'released' | 'expired' | 'failed'; readonly by: Ending }
  /** What the provider says cannot be: an operator decides. */
  | { readonly kind: 'mismatch'; readonly theirs: string }
  /** It is over, or an operator has it. */
  | { readonly kind: 'none' }

/** wish: ours. time: the end of the page or of the hold. provider: it ended it before. */
type Ending = 'wish' | 'time' | 'provider'

export const isDepositOver = (state: DepositState): boolean =>
  state !== 'requested' && state !== 'held'

/** The code of a deposit that the provider does not give back. */
export const RETURN_FAILED = 'deposit.return_failed'

/** It was taken and is to be given back, which is not left to an operator. */
export const isReturning = ({
  state,
  returnWishedAt,
  code,
}: {
  state: DepositState
  returnWishedAt: Date | null
  code: string | null
}): boolean => state === 'captured' && returnWishedAt !== null && code !== RETURN_FAILED

/** What follows from what the provider shows. Money is taken only when that is wished, and only what was held. */
export function judgeDeposit(facts: DepositFacts, seen: ProviderState, now: Date): DepositVerdict {
  const { state, money, wish, capture } = facts
  if (isDepositOver(state)) return { kind: 'none' }
  if (seen.money.amount !== money.amount || seen.money.currencyCode !== money.currencyCode) {
    return { kind: 'mismatch', theirs: textOf(seen.money) }
  }
  switch (seen.state) {
    case 'open':
    case 'processing':
      return wish === null ? { kind: 'wait' } : { kind: 'cancel' }
    case 'authorised':
      if (wish === null) return state === 'held' ? { kind: 'wait' } : { kind: 'hold' }
      // Also when letting go was accepted before: the provider shows that it has no effect. What was not held when it was wished for
      // is not taken, nor what the provider refused to take.
      if (wish === 'release' || state !== 'held' || capture === 'failed') return { kind: 'cancel' }
      return capture === 'done' ? { kind: 'wait' } : { kind: 'capture' }
    case 'captured':
      // Without a capture of ours, or with another sum, it was not we who took it.
      return capture !== undefined && seen.captured === money.amount
        ? { kind: 'settle' }
        : {
            kind: 'mismatch',
            theirs: textOf({ amount: seen.captured, currencyCode: money.currencyCode }),
          }
    case 'cancelled':
    case 'expired':
      return { kind: 'end', ...endingOf(facts, seen.state, now) }
  }
}

function endingOf(
  { state, wish, holdEndsAt }: DepositFacts,
  seen: 'cancelled' | 'expired',
  now: Date,
): { state: 'released' | 'expired' | 'failed'; by: Ending } {
  if (wish === 'release') return { state: 'released', by: 'wish' }
  if (state === 'requested') {
    return seen === 'expired'
      ? { state: 'expired', by: 'time' }
      : { state: 'failed', by: 'provider' }
  }
  const isAtEnd = holdEndsAt !== null && holdEndsAt <= now
  return isAtEnd ? { state: 'expired', by: 'time' } : { state: 'released', by: 'provider' }
}

export type ReturnVerdict =
  /** Ask the provider to give it back, with the key of before. */
  | { readonly kind: 'ask' }
  /** The provider is at it; look again later. */
  | { readonly kind: 'wait' }
  /** The bidder has it. */
  | { readonly kind: 'settle' }
  /** It cannot be given back so: an operator does it in another way. */
  | { readonly kind: 'fail'; readonly theirs: string }

/** What follows for a deposit that was taken and is to be given back, from what the provider shows. */
export function judgeReturn(
  { id, money, refund }: { id: string; money: Money; refund: OperationState | undefined },
  { refunds, refunded }: Pick<ProviderState, 'refunds' | 'refunded'>,
): ReturnVerdict {
  const given = refunds.find(({ refundId }) => refundId === id)
  const fail = (word: string) =>
    ({ kind: 'fail', theirs: `${word}, ${refunded} given back` }) as const
  if (given === undefined) {
    if (refund === 'failed') return fail('refund refused')
    return { kind: refund === 'done' ? 'wait' : 'ask' }
  }
  if (given.amount !== money.amount) return fail(`refund of ${given.amount}`)
  switch (given.state) {
    case 'pending':
      return { kind: 'wait' }
    case 'done':
      return { kind: 'settle' }
    case 'failed':
      return fail('refund failed')
  }
}

const textOf = ({ amount, currencyCode }: Money): string => `${amount} ${currencyCode}`

/** What the seller gets of a deposit that is taken; a fraction of a minor unit is the platform's. */
export const sellerPart = (amount: bigint, sellerPercent: number): bigint =>
  (amount * BigInt(sellerPercent)) / 100n

interface TakenDeposit {
  id: string
  orderId: string
  sellerId: string
  provider: string
  currencyCode: string
  amount: bigint
  sellerPercent: number
}

/** A deposit that was taken: the seller's part is paid out next, and the rest is the platform's. */
export function depositCaptured(deposit: TakenDeposit): Entry {
  const { id, orderId, sellerId, provider, currencyCode, amount, sellerPercent } = deposit
  const ofSeller = sellerPart(amount, sellerPercent)
  return {
    key: `deposit:${id}`,
    kind: 'deposit_captured',
    orderId,
    postings: [
      { account: clearing(provider), currencyCode, amount },
      { account: sellerPayable(sellerId), currencyCode, amount: -ofSeller },
      { account: 'platform:deposits', currencyCode, amount: ofSeller - amount },
    ],
  }
}

/** A deposit is to be given back: what was earned by it is owed to the bidder. */
export function depositReturned(deposit: TakenDeposit): Entry {
  const { id, orderId, sellerId, currencyCode, amount, sellerPercent } = deposit
  const ofSeller = sellerPart(amount, sellerPercent)
  return {
    key: `deposit:${id}:return`,
    kind: 'deposit_returned',
    orderId,
    postings: [
      { account: sellerPayable(sellerId), currencyCode, amount: ofSeller },
      { account: 'platform:deposits', currencyCode, amount: amount - ofSeller },
      { account: 'refund:due', currencyCode, amount: -amount },
    ],
  }
}

/** The provider gave it back. */
export function depositRefunded({
  id,
  orderId,
  provider,
  currencyCode,
  amount,
}: TakenDeposit): Entry {
  return {
    key: `deposit:${id}:refunded`,
    kind: 'deposit_refunded',
    orderId,
    postings: [
      { account: 'refund:due', currencyCode, amount },
      { account: clearing(provider), currencyCode, amount: -amount },
    ],
  }
}
