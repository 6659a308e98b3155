/** Counts failures by the owner of the endpoint, of about the last hour, in this process. */
export interface OwnerFailures {
  failed(ownerId: string): void
  /** Those of the owners who have most, the most first; 0 where there are fewer owners. */
  most(count: number): number[]
}

const HALF_MS = 1_800_000
/** Of more owners than this, those that come later in half an hour are not counted. */
const OWNERS_MAX = 10_000

export function createOwnerFailures(
  nowMs: () => number = () => performance.now(),
  ownersMax = OWNERS_MAX,
): OwnerFailures {
  let half = 0
  let present = new Map<string, number>()
  let before = new Map<string, number>()
  const turn = () => {
    const current = Math.floor(nowMs() / HALF_MS)
    if (current === half) return
    before = current === half + 1 ? present : new Map()
    present = new Map()
    half = current
  }
  return {
    failed(ownerId) {
      turn()
      if (present.size >= ownersMax && !present.has(ownerId)) return
      present.set(ownerId, (present.get(ownerId) ?? 0) + 1)
    },
    most(count) {
      turn()
      const owners = new Set([...present.keys(), ...before.keys()])
      const totals = [...owners]
        .map((ownerId) => (present.get(ownerId) ?? 0) + (before.get(ownerId) ?? 0))
        .sort((left, right) => right - left)
      return Array.from({ length: count }, (_, index) => totals[index] ?? 0)
    },
  }
}
