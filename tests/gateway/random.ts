/** Numbers that look random and are the same for the same seed, so that a finding can be replayed. */
export interface Random {
  /** From 0 up to 1, without 1. */
  next(): number
  pick<T>(choices: readonly T[]): T
  chance(probability: number): boolean
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  // mulberry32, for its size: nothing here is secret.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    pick<T>(choices: readonly T[]): T {
      if (choices.length === 0) throw new Error('nothing to pick from')
      return choices[Math.floor(next() * choices.length)] as T
    },
    chance: (probability) => next() < probability,
  }
}
