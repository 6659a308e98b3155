export type LotOutcome = 'sold' | 'bought_now' | 'no_bids' | 'reserve_not_met' | 'cancelled'

/** What one event says of a lot. */
export interface LotState {
  readonly itemId: string
  /** Absent: the event says nothing of the bids. */
  readonly result?: {
    readonly sequence: number
    readonly leaderId: string | null
    /** Null while bids are taken. */
    readonly outcome: LotOutcome | null
  }
  readonly end?: { readonly sequence: number; readonly endsAt: Date }
}

/**
 * The states of a batch as one for each lot. The sequence decides, for the bids and for the end apart: an
 * extension after an outage says nothing of the bids before it, which may come later.
 */
export function foldStates(states: readonly LotState[]): LotState[] {
  const folded = new Map<string, LotState>()
  for (const state of states) {
    const known = folded.get(state.itemId)
    if (known === undefined) folded.set(state.itemId, state)
    else {
      const result = newer(known.result, state.result)
      const end = newer(known.end, state.end)
      folded.set(state.itemId, {
        itemId: state.itemId,
        ...(result === undefined ? {} : { result }),
        ...(end === undefined ? {} : { end }),
      })
    }
  }
  return [...folded.values()]
}

function newer<S extends { readonly sequence: number }>(
  known: S | undefined,
  other: S | undefined,
): S | undefined {
  if (known === undefined || other === undefined) return known ?? other
  return other.sequence > known.sequence ? other : known
}
