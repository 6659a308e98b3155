import type { Money, ProviderState } from './provider.ts'

export type PaymentState =
  | 'created'
  | 'open'
  | 'processing'
  | 'authorised'
  | 'claimed'
  | 'captured'
  | 'failed'
  | 'expired'
  | 'cancelled'
  | 'mismatch'

export type OperationState = 'planned' | 'sending' | 'done' | 'failed' | 'unknown'

/** What we know of a payment when we look at the provider. */
export interface PaymentFacts {
  readonly state: PaymentState
  readonly money: Money
  /** Undefined: not planned. */
  readonly capture: OperationState | undefined
  readonly cancel: OperationState | undefined
}

export type PaymentVerdict =
  /** The provider goes on; look again later. */
  | { readonly kind: 'wait'; readonly state: 'open' | 'processing' | 'authorised' | 'claimed' }
  /** Ask the orders whether they still want it. */
  | { readonly kind: 'claim' }
  /** Ask the provider to take the money, or once more whether it took it. */
  | { readonly kind: 'capture' }
  /** Ask the provider to let go. */
  | { readonly kind: 'cancel' }
  /** The money is taken. */
  | { readonly kind: 'settle' }
  /** It is over without money. */
  | { readonly kind: 'end'; readonly state: 'failed' | 'expired' | 'cancelled' }
  /** What the provider says cannot be: an operator decides. */
  | { readonly kind: 'mismatch'; readonly theirs: string }
  /** It is over, or an operator has it. */
  | { readonly kind: 'none' }

// What a buyer does on the page goes to and fro: a method that failed may be followed by another one. What is held and
// claimed does not come back, so a look that shows less was read before that was recorded.
const RANKS: Readonly<Partial<Record<PaymentState, number>>> = {
  created: 0,
  open: 1,
  processing: 1,
  authorised: 2,
  claimed: 3,
}

type Waiting = Extract<PaymentVerdict, { kind: 'wait' }>['state']

/** What is known, or what is seen, if that is further. */
function further(state: PaymentState, seen: Waiting): Waiting {
  const isKnownFurther = (RANKS[state] ?? 0) > (RANKS[seen] ?? 0)
  return isKnownFurther ? (state as Waiting) : seen
}

const OVER: readonly PaymentState[] = ['captured', 'failed', 'expired', 'cancelled', 'mismatch']

export const isOver = (state: PaymentState): boolean => OVER.includes(state)

/** What follows from what the provider shows. Money moves only by `capture`, after the orders were claimed. */
export function judgePayment(facts: PaymentFacts, seen: ProviderState): PaymentVerdict {
  if (isOver(facts.state)) return { kind: 'none' }
  const { money, cancel, capture, state } = facts
  if (seen.money.amount !== money.amount || seen.money.currencyCode !== money.currencyCode) {
    return { kind: 'mismatch', theirs: textOf(seen.money) }
  }
  switch (seen.state) {
    case 'open':
    case 'processing':
      return cancel === undefined
        ? { kind: 'wait', state: further(state, seen.state) }
        : { kind: 'cancel' }
    case 'authorised':
      // Also when that was accepted before: a page that was closed may have been paid on at that moment.
      if (cancel !== undefined) return { kind: 'cancel' }
      if (state !== 'claimed') return { kind: 'claim' }
      // Refused, and the hold is still there: the buyer gets it back.
      if (capture === 'failed') return { kind: 'cancel' }
      return isWanted(capture) ? { kind: 'capture' } : { kind: 'wait', state: 'claimed' }
    case 'captured':
      // A capture is planned only after a claim. Without one, or with another sum, it was not we who took it.
      return capture !== undefined && seen.captured === money.amount
        ? { kind: 'settle' }
        : {
            kind: 'mismatch',
            theirs: textOf({ amount: seen.captured, currencyCode: money.currencyCode }),
          }
    case 'cancelled':
      return { kind: 'end', state: cancel === undefined ? 'failed' : 'cancelled' }
    case 'expired':
      return { kind: 'end', state: cancel === undefined ? 'expired' : 'cancelled' }
  }
}

/** Planned, and no answer says that it was accepted or refused. */
const isWanted = (operation: OperationState | undefined): boolean =>
  operation === 'planned' || operation === 'sending' || operation === 'unknown'

const textOf = ({ amount, currencyCode }: Money): string => `${amount} ${currencyCode}`
