const STALE_FACTOR = 6

export interface KeptCountsOptions {
  /** Counts that are older are counted again; 0 counts for every caller. */
  maxAgeMs: number
  onFailure(error: unknown): void
  monotonicMs?: () => number
}

/**
 * Keeps what is expensive to count. While counts are renewed, callers get those of before, unless they are six times as old
 * as they may be: then callers wait. When counting fails, callers get what was counted last, however old; they see the
 * failure only when nothing was counted yet.
 */
export function createKeptCounts<T>(
  count: () => Promise<T>,
  { maxAgeMs, onFailure, monotonicMs = () => performance.now() }: KeptCountsOptions,
): () => Promise<T> {
  let kept: { counts: T; beganAtMs: number } | undefined
  let counting: Promise<T> | undefined

  async function countAgain(): Promise<T> {
    const beganAtMs = monotonicMs()
    try {
      const counts = await count()
      kept = { counts, beganAtMs }
      return counts
    } catch (error) {
      onFailure(error)
      throw error
    } finally {
      counting = undefined
    }
  }

  return async () => {
    if (maxAgeMs === 0) return await count()
    const ageMs = kept === undefined ? Number.POSITIVE_INFINITY : monotonicMs() - kept.beganAtMs
    if (kept !== undefined && ageMs < maxAgeMs) return kept.counts
    counting ??= countAgain()
    const renewed = counting.catch((error: unknown) => {
      if (kept === undefined) throw error
      return kept.counts
    })
    if (kept !== undefined && ageMs < maxAgeMs * STALE_FACTOR) return kept.counts
    return await renewed
  }
}
