/** A set of seqs as runs from one to another, because outbox rows mostly follow one another. */
export interface SeqRuns {
  add(seq: bigint): void
  /** Forgets this seq and all below it. */
  dropUpTo(seq: bigint): void
  clear(): void
  /** As an int8multirange. */
  toString(): string
}

interface Run {
  from: bigint
  to: bigint
}

export function createSeqRuns(): SeqRuns {
  let runs: Run[] = []

  /** The place of the first run that ends at or behind `seq`; most seqs are behind all of them. */
  const placeOf = (seq: bigint): number => {
    let [low, high] = [0, runs.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const run = runs[middle]
      if (run !== undefined && run.to < seq) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    add(seq) {
      const place = placeOf(seq)
      const [before, after] = [runs[place - 1], runs[place]]
      if (after !== undefined && after.from <= seq) return
      const joinsBefore = before !== undefined && before.to + 1n === seq
      const joinsAfter = after !== undefined && after.from === seq + 1n
      if (joinsBefore && joinsAfter) {
        before.to = after.to
        runs.splice(place, 1)
      } else if (joinsBefore) before.to = seq
      else if (joinsAfter) after.from = seq
      else runs.splice(place, 0, { from: seq, to: seq })
    },
    dropUpTo(seq) {
      runs = runs.slice(placeOf(seq + 1n))
      const [first] = runs
      if (first !== undefined && first.from <= seq) first.from = seq + 1n
    },
    clear() {
      runs = []
    },
    toString: () => `{${runs.map(({ from, to }) => `[${from},${to}]`).join()}}`,
  }
}
