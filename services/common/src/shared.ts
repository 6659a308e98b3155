const ENTRIES_MAX = 2_000

/** What many ask for within moments is made once. */
export interface Shared<T> {
  /** What `make` gave to the caller before, if it was begun within the last moments. */
  of(key: string, make: () => Promise<T>): Promise<T>
  /** How many are kept. */
  readonly size: number
}

/** Each is at most `maxAgeMs` old, and leaves memory then; failures are not kept. */
export function createShared<T>(
  maxAgeMs: number,
  monotonicMs: () => number = () => performance.now(),
): Shared<T> {
  const entries = new Map<string, { beganAtMs: number; made: Promise<T> }>()
  let isSweepDue = false
  const forgetOld = () => {
    // The oldest is first.
    for (const [key, { beganAtMs }] of entries) {
      if (monotonicMs() - beganAtMs < maxAgeMs) return
      entries.delete(key)
    }
  }
  /** After the last caller no call comes that would forget. */
  const sweepSoon = () => {
    if (isSweepDue) return
    isSweepDue = true
    setTimeout(() => {
      isSweepDue = false
      forgetOld()
      if (entries.size > 0) sweepSoon()
    }, maxAgeMs).unref()
  }
  return {
    get size() {
      return entries.size
    },
    of(key, make) {
      forgetOld()
      const known = entries.get(key)
      if (known !== undefined) return known.made
      const made = make()
      const [oldest] = entries.keys()
      if (entries.size >= ENTRIES_MAX && oldest !== undefined) entries.delete(oldest)
      const entry = { beganAtMs: monotonicMs(), made }
      entries.set(key, entry)
      sweepSoon()
      made.catch(() => {
        // A later one may be there meanwhile.
        if (entries.get(key) === entry) entries.delete(key)
      })
      return made
    },
  }
}
