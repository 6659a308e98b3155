/** One bid as its client knows it: what was sent, and what came back, if anything did. */
export interface SentBid {
  key: string
  itemId: string
  bidderId: string
  maxAmount: string
  /** `unknown` until a definite answer came: it may be in the ledger or not, but not twice. */
  status: 'accepted' | 'refused' | 'unknown'
  bidId?: string
  code?: string
  attempts: number
}

/** A reproducible source of chance (xorshift32), so that a printed seed repeats the choices. */
export interface Chance {
  below(limit: number): number
  pick<T>(values: readonly T[]): T
  shuffled<T>(values: readonly T[]): T[]
}

export function createChance(seed: number): Chance {
  let state = seed | 0 || 1
  const below = (limit: number) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % limit
  }
  const chance: Chance = {
    below,
    pick: (values) => {
      const value = values[below(values.length)]
      if (value === undefined) throw new Error('nothing to pick from')
      return value
    },
    shuffled: (values) => {
      const copy = [...values]
      for (let index = copy.length - 1; index > 0; index -= 1) {
        const other = below(index + 1)
        const a = copy[index]
        const b = copy[other]
        if (a !== undefined && b !== undefined) {
          copy[index] = b
          copy[other] = a
        }
      }
      return copy
    },
  }
  return chance
}
