import { isExtension, type LotEnd } from './bid-fold.ts'
import type { ItemStatus, Outcome } from './item.ts'

/** What is known of the end of an item's bidding. Two events carry it, in any order and repeatedly. */
export interface SettlementState {
  readonly status: ItemStatus
  readonly round: number
  readonly closedSequence: bigint | null
  readonly closedAt: Date | null
  readonly outcome: Outcome | null
  readonly endReason: string | null
  readonly buyerId: string | null
  readonly endPrice: bigint | null
  readonly final: FinalLot
}

/** The lot as bidding left it. */
export interface FinalLot extends LotEnd {
  readonly currentPrice: bigint
  readonly bidCount: number
  readonly reserveMet: boolean
}

/** What bid.closed says. */
export interface Closing {
  readonly kind: 'closing'
  readonly sequence: bigint
  readonly closedAt: Date
  readonly outcome: Outcome
  readonly round: number
  /** The whole final state: bids that come later than this have nothing to add. */
  readonly final: Omit<FinalLot, 'currentPrice'> & {
    /** Null when there were no bids: the price stays at the start price. */
    readonly currentPrice: bigint | null
  }
}

/** What bid.won says. */
export interface Win {
  readonly kind: 'win'
  readonly buyerId: string
  readonly finalAmount: bigint
  readonly endReason: string | null
  /** Null when the producer knows of no rounds. */
  readonly round: number | null
  /** The original's producer never sends bid.closed: there the win ends the auction as well. */
  readonly endedAt: Date | null
}

export type Transition = 'started' | 'extended' | 'ended' | 'sold' | 'expired' | 'cancelled'

export interface Settled {
  readonly state: SettlementState
  /** In the order in which they happen; each occurs once in the life of an auction. */
  readonly transitions: readonly Transition[]
}

/**
 * Folds one fact about the end into what is known (R-CLOSE-7): active -> ended -> sold or
 * expired. A win that comes before the closing is kept until then, so that the result and the
 * order of the transitions do not depend on the order of the events.
 */
export function settle(state: SettlementState, fact: Closing | Win): Settled {
  if (fact.kind === 'closing') {
    return advance(close(state, fact), state, isExtension(state.final, fact.final))
  }
  const won = win(state, fact)
  if (fact.endedAt === null) return advance(won, state)
  const { round, final } = state
  const closing: Closing = {
    kind: 'closing',
    sequence: 0n,
    closedAt: fact.endedAt,
    outcome: 'sold',
    round,
    final: { ...final, currentPrice: fact.finalAmount },
  }
  return advance(close(won, closing), state)
}

function win(state: SettlementState, fact: Win): SettlementState {
  const { buyerId, finalAmount, endReason, round } = fact
  const isUnsold = state.outcome !== null && !isSale(state.outcome)
  const isOtherRound = round !== null && round !== state.round
  if (state.buyerId !== null || isUnsold || isOtherRound) return state
  return { ...state, buyerId, endPrice: finalAmount, endReason: endReason ?? state.endReason }
}

function isSale(outcome: Outcome): boolean {
  return outcome === 'sold' || outcome === 'bought_now'
}

function close(state: SettlementState, closing: Closing): SettlementState {
  // What moderators hid stays hidden, but how its auction ended is kept for when it comes back.
  const isRemoved = state.status === 'removed' && state.outcome === null
  const isRunning = isRemoved || ['scheduled', 'active', 'reserved'].includes(state.status)
  if (!isRunning || closing.round !== state.round) return state
  const { outcome, closedAt, sequence, final } = closing
  const sale = isSale(outcome) ? {} : { buyerId: null, endPrice: null }
  return {
    ...state,
    ...sale,
    status: isRemoved ? 'removed' : outcome === 'cancelled' ? 'cancelled' : 'ended',
    closedSequence: sequence,
    closedAt,
    outcome,
    endReason: state.endReason ?? outcome,
    final: {
      ...final,
      currentPrice: final.currentPrice ?? state.final.currentPrice,
      extensionCount: final.extensionCount ?? state.final.extensionCount,
    },
  }
}

function advance(state: SettlementState, before: SettlementState, isExtended = false): Settled {
  const transitions: Transition[] = []
  if (state.status !== before.status) {
    const isCancelled = state.status === 'cancelled'
    // A very short auction may be over before the clock timer has seen it start.
    if (before.status === 'scheduled' && !isCancelled) transitions.push('started')
    // The closing overtook the bid that extended.
    if (isExtended) transitions.push('extended')
    transitions.push(isCancelled ? 'cancelled' : 'ended')
  }
  if (state.status !== 'ended') return { state, transitions }
  if (state.outcome === 'no_bids' || state.outcome === 'reserve_not_met') {
    return { state: { ...state, status: 'expired' }, transitions: [...transitions, 'expired'] }
  }
  if (state.buyerId === null) return { state, transitions }
  return { state: { ...state, status: 'sold' }, transitions: [...transitions, 'sold'] }
}
